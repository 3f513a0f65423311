/** All randomness comes from here. */
export interface Random {
  /** Cryptographic quality in production; seeded in simulation. */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1): jitter only, never secrets. */
  uniform(): number;
}
