/** Which seeds a run takes: `FAULT_SEED=7`, `FAULT_SEED=7,9`, `FAULT_SEED=21-60`; twenty where it is not set. */

export function seedsFrom(text: string | undefined): readonly number[] {
  if (text === undefined || text === '') return Array.from({ length: 20 }, (_, index) => index + 1);
  return text.split(',').flatMap((part) => {
    const [, first, last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) < Number(first)) throw new Error(`FAULT_SEED=${text}: write numbers or ranges, as in 7 or 7,9 or 21-60`);
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  });
}
