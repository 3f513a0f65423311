/** Pages whose commands tests execute: blocks of commands, each with the block that shows what it prints, if one follows. */
export interface Step {
  readonly section: string;
  /** What stands behind `sh`: how it is executed. */
  readonly how: string;
  readonly commands: string;
  readonly prints: string;
}

export const stepsOf = (page: string): readonly Step[] => [...page.matchAll(/^##+ (.+)$|^```sh ?(.*)\n([\s\S]*?)^```\n(?:```text\n([\s\S]*?)^```$)?/gm)].reduce<{ section: string; found: Step[] }>((so, [, heading, how = '', commands = '', prints = '']) => {
  if (heading !== undefined) return { ...so, section: heading };
  return { ...so, found: [...so.found, { section: so.section, how, commands, prints }] };
}, { section: '', found: [] }).found;

/** `…` stands for whatever, a line of it alone for any lines; columns may be as wide as they like. */
export function printed(prints: string): RegExp {
  const line = (text: string): string => text.trim().split(/\s*…\s*/).map((part) => part.split(/\s+/).map((word) => word.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('\\s+')).join('[^\\n]*');
  const lines = prints.trim().split('\n').map((text) => (text.trim() === '…' ? '[\\s\\S]*' : `\\s*${line(text)}[ \\t]*`));
  return new RegExp(`^${lines.join('\\n*')}\\s*$`);
}
