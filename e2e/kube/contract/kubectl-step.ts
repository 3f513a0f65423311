/** What a transcript of kubectl is made of: sections of command lines as a person types them. */
export interface Step {
  /** A line for `sh`, in a folder that holds `files` and the charts. */
  readonly run: string;
  /** What a reader should look at, one line. */
  readonly says?: string;
  /** Written before the command runs; the page shows them. */
  readonly files?: Readonly<Record<string, string>>;
  /** Runs beside the steps that follow, once its output matches or its watch is open. `see` ends it. */
  readonly beside?: { readonly name: string; readonly ready: RegExp | 'watch' };
  /** Repeated until its output matches: for what a controller does in its own time. */
  readonly until?: RegExp;
  /** Runs and is compared, but stays off the page: long, or like another. */
  readonly aside?: true;
  /** Why the two servers honestly answer differently, one sentence. */
  readonly differs?: string;
}

/** Shows what a step beside has printed: until it matches `after`, or, without it, until it ends by itself. */
export interface See { readonly see: string; readonly after?: RegExp; readonly says?: string }

export interface Section {
  readonly title: string;
  readonly says: string;
  /** Needs the definitions alone and touches nothing of other sections: runs beside them, for it waits more than it works. */
  readonly apart?: true;
  readonly steps: readonly (Step | See)[];
}

export interface Outcome { readonly stdout: string; readonly stderr: string; /** undefined: ended by us. */ readonly code: number | undefined; /** Why this is no proper end. */ readonly problem?: string }
