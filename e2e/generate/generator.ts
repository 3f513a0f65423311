/** What `npm run generate` calls: every other module of this folder that exports a `generator`. */

export interface Generator {
  /** For messages: `agent protocol`. */
  readonly name: string;
  /** Folders, relative to the repository's root, that hold this generator's files: whatever else is found there is stale. */
  readonly folders: readonly string[];
  /** Files in `folders` that people write. */
  readonly besides?: readonly string[];
  /** Path relative to the repository's root → content. Writes nothing itself. */
  generate(root: string): Promise<ReadonlyMap<string, string>>;
}
