import { describe, test } from 'vitest';
import { missingAssets } from '../apiserver.ts';
import { missingControllerManager } from '../controller-manager.ts';
import { realSubject } from './real.ts';
import { serverContract } from './suite.ts';

const missing = missingAssets() ?? missingControllerManager();
if (missing === undefined) serverContract('kube-apiserver', realSubject);
else {
  console.log(`no real kube-apiserver: ${missing}`);
  describe.skip('kube-apiserver', () => { test(missing, () => {}); });
}
