/** Why clusters never had their turn: the words stand in their rows, and what they mean for the run follows from them. */
import type { RunTarget } from '../model/rollout.ts';

export const LEFT = 'left the fleet before its turn';
const HELD = 'held back before its turn';
const AWAY = 'away until the end';
export const UNSELECTED = 'no stage of the strategy selects it';
export const STOPPED = 'the run was stopped before its turn';

export const heldMessage = (reason: string): string => `${HELD}: ${reason}`;
export const awayMessage = (deadlineSeconds: number): string => `${AWAY}: its agent was not connected for ${deadlineSeconds} seconds after all others were done`;

export const isGone = ({ phase, message }: RunTarget): boolean => phase === 'Skipped' && message === LEFT;
export const wasStopped = ({ phase, message }: RunTarget): boolean => phase === 'Skipped' && message.startsWith(STOPPED);
/** Was to have its turn, and nobody decided otherwise. */
export const wasAway = ({ phase, message }: RunTarget): boolean => phase === 'Skipped' && message.startsWith(AWAY);
