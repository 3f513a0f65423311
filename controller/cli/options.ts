/** Options that long-running commands share. */
import { type Command, Option } from 'commander';
import { LOG_LEVELS } from '../adapters/log-levels.ts';
import { UsageProblem } from './environment.ts';

export const logLevelOption = (): Option => new Option('--log-level <level>', 'least level that is logged, as JSON on standard error').choices(LOG_LEVELS).default('info');

export const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];

export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) throw new UsageProblem(`${option} ${text}: give a whole number from ${least} to ${most}`);
  return value;
}

export const globalKubeconfig = (command: Command): string | undefined => command.optsWithGlobals<{ kubeconfig?: string }>().kubeconfig;
