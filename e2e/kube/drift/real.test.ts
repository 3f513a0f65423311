import { describe } from 'vitest';
import { missingAssets, startApiServer } from '../apiserver.ts';
import { driftScenarios } from './scenarios.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`drift is not tried on a real kube-apiserver: ${missing}`);

describe.skipIf(missing !== undefined)('real', () => driftScenarios('a real kube-apiserver', startApiServer));
