/** kube-controller-manager beside a real kube-apiserver: garbage collection, namespaces, service accounts. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from './apiserver.ts';
import { freePorts } from './free-ports.ts';

const CONTROLLERS = 'namespace-controller,garbage-collector-controller,serviceaccount-controller,endpointslice-controller';
const START_MILLISECONDS = 60_000;
const STOP_MILLISECONDS = 5_000;

export const missingControllerManager = (): string | undefined =>
  (existsSync(join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kube-controller-manager')) ? undefined : 'KUBEBUILDER_ASSETS has no kube-controller-manager');

/** Resolves once it answers its health check; its directory is the server's. */
export async function startControllerManager(server: ApiServer): Promise<{ stop(): Promise<void> }> {
  const [port] = await freePorts(1);
  const directory = join(server.directory, 'controller-manager');
  mkdirSync(directory);
  const logPath = join(directory, 'log');
  const log = openSync(logPath, 'w');
  const child = spawn(join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kube-controller-manager'), [
    `--kubeconfig=${server.kubeconfigPath}`, `--authentication-kubeconfig=${server.kubeconfigPath}`, `--authorization-kubeconfig=${server.kubeconfigPath}`,
    '--bind-address=127.0.0.1', `--secure-port=${port}`, `--cert-dir=${directory}`, '--leader-elect=false', `--controllers=${CONTROLLERS}`,
    `--service-account-private-key-file=${join(server.directory, 'service-account.key')}`, '--kube-api-qps=100', '--kube-api-burst=200',
  ], { stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const kill = (): void => { child.kill('SIGKILL'); };
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill);
    child.kill('SIGTERM');
    const late = await Promise.race([exited.then(() => false), sleep(STOP_MILLISECONDS, true, { ref: false })]);
    if (late) child.kill('SIGKILL');
    await exited;
  };
  const deadline = Date.now() + START_MILLISECONDS;
  while (!(await isHealthy(port as number))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`kube-controller-manager does not serve: ${readFileSync(logPath, 'utf8').split('\n').slice(-8).join('\n')}`);
    }
    await sleep(100);
  }
  return { stop };
}

/** Its own certificate is self-signed, and the answer holds nothing to protect. */
const isHealthy = (port: number): Promise<boolean> => new Promise((resolve) => {
  const asked = request({ host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false, timeout: 1000 }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  asked.once('error', () => resolve(false)).once('timeout', () => asked.destroy()).end();
});
