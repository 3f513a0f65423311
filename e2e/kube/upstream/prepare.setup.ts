/** Before the suites on real servers: other projects' definitions are made, or it is known why not. */
import { prepareUpstream, UPSTREAM_PROBLEM } from './prepare.ts';

export default async function setup(): Promise<void> {
  const problem = await prepareUpstream();
  if (problem !== undefined) process.env[UPSTREAM_PROBLEM] = problem;
}
