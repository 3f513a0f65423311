/** Names of clusters in a message of a run. */
import { listed } from '../../../mesh/model/listed.ts';

const MOST_NAMED = 2;

export const namesOf = (names: readonly string[]): string => listed(names, MOST_NAMED);
