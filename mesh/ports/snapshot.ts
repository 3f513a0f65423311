/** An agent's last known state, so that it starts without the hub. One small document, replaced whole. */
export interface SnapshotStore {
  /** undefined: none yet, or unreadable (then `problem` was logged and the agent starts from the hub). */
  load(): Promise<string | undefined>;
  /** Atomic and durable: after a crash the old or the new text is there, never a mix. */
  save(content: string): Promise<void>;
}
