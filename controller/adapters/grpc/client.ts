/** Calls from our clients: channel, identity of the other side, deadline and errors. */
import { createSecureContext } from 'node:tls';
import { ChannelCredentials, Client, Metadata } from '@grpc/grpc-js';
import type { Revocation } from '../../../mesh/model/revocation.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { checkServerId } from './identity.ts';
import type { RawMethod } from './service.ts';
import { CLIENT_OPTIONS, TLS_OPTIONS } from './settings.ts';
import { fromStatus } from './status.ts';

export interface ClientTarget {
  /** `host:port`. */
  readonly address: string;
  /** The only SPIFFE ID that the server may have. */
  readonly serverId: string;
  /** Certificates of the server that this refuses are not taken. */
  readonly revoked?: Pick<Revocation, 'at'>;
  /** Roots, PEM; nothing else is trusted. */
  readonly bundlePem: string;
  /** Absent: without a client certificate (Join). */
  readonly keyPem?: string;
  readonly chainPem?: string;
}

/** Throws where key or chain are no PEM; where no root can be read, nobody is trusted. Dials at the first call. */
export function createClient(target: ClientTarget): Client {
  const { keyPem, chainPem } = target;
  // A list: Node takes an empty text for none given, and then trusts every public authority.
  const context = createSecureContext({ ...TLS_OPTIONS, ca: [target.bundlePem], ...(keyPem === undefined || chainPem === undefined ? {} : { key: keyPem, cert: chainPem }) });
  const credentials = ChannelCredentials.createFromSecureContext(context, { checkServerIdentity: checkServerId(target.serverId, target.revoked) });
  // A constant server name: SNI must not be an IP address (RFC 6066), and identity does not depend on it.
  return new Client(target.address, credentials, { ...CLIENT_OPTIONS, 'grpc.ssl_target_name_override': 'isthmus.internal' });
}

/** Rejects with TransportError; `signal` cancels the call. */
export function callUnary(client: Client, address: string, method: RawMethod, request: Uint8Array, deadlineMilliseconds: number, signal: CancelSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(cancelled(method));
      return;
    }
    const call = client.makeUnaryRequest(
      method.path, method.requestSerialize, method.responseDeserialize, request, new Metadata(), { deadline: Date.now() + deadlineMilliseconds },
      (error, response) => {
        signal.removeEventListener('abort', cancel);
        if (response !== undefined && error === null) resolve(response);
        else if (signal.aborted) reject(cancelled(method));
        else reject(error === null ? new TransportError('never', 'InvalidRequest', `${address}: answered without a message`) : fromStatus(address, error));
      },
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
  });
}

const cancelled = (method: RawMethod): TransportError => new TransportError('retry', 'Cancelled', `${method.path}: cancelled`);
