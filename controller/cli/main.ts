/** `isthmus`, also `kubectl isthmus`, for a Node that runs TypeScript; `bin/isthmus.mjs` is the way in for any Node. */
import { main } from './program.ts';

process.exitCode = await main(process.argv);
