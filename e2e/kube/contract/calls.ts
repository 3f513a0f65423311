/** What the suite's calls have in common. */

export const never = new AbortController().signal;
export const by = { fieldManager: 'contract' };
