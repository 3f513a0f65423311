/** The transcript, in the order in which a reader meets it. Each section has names of its own; only the first prepares for the others. */
import { APPLY_SECTIONS } from './kubectl-sections-apply.ts';
import { CHANGE_SECTIONS } from './kubectl-sections-change.ts';
import { DELETE_SECTIONS } from './kubectl-sections-delete.ts';
import { KIND_SECTIONS } from './kubectl-sections-kinds.ts';
import { READ_SECTIONS } from './kubectl-sections-read.ts';
import { SERVER_SECTIONS } from './kubectl-sections-server.ts';
import type { Section } from './kubectl-step.ts';

export const SECTIONS: readonly Section[] = [
  ...KIND_SECTIONS, ...READ_SECTIONS, ...APPLY_SECTIONS, ...CHANGE_SECTIONS, ...DELETE_SECTIONS, ...SERVER_SECTIONS,
];
