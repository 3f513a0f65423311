/** TLS of our servers, read again for every new connection; the last good material stays where new one is broken. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import { fromPem } from '../../../certs/pem.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import { HANDSHAKE_TIMEOUT_MILLISECONDS, TLS_OPTIONS } from './settings.ts';

export interface TlsMaterial {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly bundlePem: string;
}

/**
 * A class of our own, because grpc-js's neither drop session tickets nor keep a working certificate when a new one is broken
 * (`certificate-provider.ts` publishes null and every new connection is dropped). Every update repeats `TLS_OPTIONS`: Node's `setSecureContext`
 * forgets what it is not given.
 */
export class RotatingServerCredentials extends ServerCredentials {
  private readonly read: () => TlsMaterial;
  private readonly log: Log;
  private used: TlsMaterial;
  /** Material is read anew again and again; what cannot be used is said once. */
  private complaint = '';

  /** Throws where the first material cannot be used. Client certificates are asked for and judged call by call: Join has none. */
  constructor(read: () => TlsMaterial, log: Log) {
    const first = read();
    super({ ...TLS_OPTIONS, requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MILLISECONDS }, checkedContext(first));
    this.read = read;
    this.log = log;
    this.used = first;
  }

  refresh(): void {
    let chain = '';
    try {
      const { keyPem, chainPem, bundlePem } = this.read();
      chain = chainPem;
      if (keyPem === this.used.keyPem && chainPem === this.used.chainPem && bundlePem === this.used.bundlePem) {
        this.complaint = '';
        return;
      }
      const next = { keyPem, chainPem, bundlePem };
      this.updateSecureContextOptions(checkedContext(next));
      this.used = next;
      this.complaint = '';
      this.log.info({ serial: new X509Certificate(chainPem).serialNumber }, 'serving a new certificate or new roots');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const complaint = `${reason} ${chain}`;
      if (complaint === this.complaint) return;
      this.complaint = complaint;
      this.log.error({ error: reason }, 'new certificate, key or roots cannot be used; keeping those in use');
    }
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

/** Throws where the key is not the certificate's, a text is no PEM, or there is no root; nothing is half-applied. */
function checkedContext(material: TlsMaterial): SecureContextOptions {
  if (!new X509Certificate(material.chainPem).checkPrivateKey(createPrivateKey(material.keyPem))) throw new Error('the private key is not the certificate\'s');
  // Node leaves out what it cannot read of them, and takes an empty text for leave to trust every public authority.
  const roots = fromPem('CERTIFICATE', material.bundlePem).map((der) => new X509Certificate(der));
  if (roots.length === 0) throw new Error('there is no root in the bundle');
  const options = { ...TLS_OPTIONS, key: material.keyPem, cert: material.chainPem, ca: [material.bundlePem] };
  createSecureContext(options);
  return options;
}
