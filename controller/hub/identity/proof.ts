/** What a cluster shows in order to join, before it has an identity. */
import type { Instant } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';

/** Good for one key: whatever is done with it throws `TransportError` (`TokenUsed`) where another key was first. */
export interface JoinProof {
  /** For people. No secret. */
  readonly name: string;
  /** When the permission was made; undefined: not known, which is before any revocation. */
  readonly madeAt: Instant | undefined;
  /** Takes it for the key, though there is no certificate yet. */
  claim(signal: CancelSignal): Promise<void>;
  /** Takes it for the key and its certificate. When that was so first. */
  spend(certificateSerial: string, signal: CancelSignal): Promise<Instant>;
  /** The key will never join by it. */
  reject(signal: CancelSignal): Promise<void>;
}
