/** Windows for tests: what is not said is as for anybody at any time. */
import type { ChangeWindowValue, WindowOverrideValue, WindowRun } from '../../../model/change-window.ts';
import type { SelectorSubject } from '../../../model/selector.ts';

export const changeWindow = (over: Partial<ChangeWindowValue> & Pick<ChangeWindowValue, 'name'>): ChangeWindowValue =>
  ({ kind: 'Allow', clusters: {}, timeZone: 'UTC', reason: '', ...(over.period === undefined ? { durationSeconds: 3600 } : {}), ...over });

export const override = (over: Partial<WindowOverrideValue> = {}): WindowOverrideValue =>
  ({ name: 'leak', run: 'one', reason: 'keys have leaked', requestedBy: 'ann', expiresAt: Date.UTC(2027, 0, 4, 12), ...over });

export const cluster = (name: string, labels: Readonly<Record<string, string>> = {}): SelectorSubject => ({ name, labels, properties: [] });

export const RUN: WindowRun = { name: 'one', strategy: 'default' };
