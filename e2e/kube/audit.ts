/** What an API server was really asked, from its audit log (audit.k8s.io/v1). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface AuditedRequest {
  readonly user: string;
  readonly verb: string;
  readonly group: string;
  /** With subresource: `clusters/status`. */
  readonly resource: string;
  readonly namespace: string;
  /** Empty for collections, unless a field selector names one object: RBAC sees that name too. */
  readonly name: string;
  readonly status: number;
}

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: { readonly resource: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string; readonly apiGroup?: string };
  readonly responseStatus?: { readonly code?: number };
}

export interface Audit {
  /** Flags of kube-apiserver. */
  readonly flags: readonly string[];
  read(): readonly AuditedRequest[];
}

/** Of these users alone. A watch counts once it is answered, not when it ends. */
export function auditInto(folder: string, users: readonly string[]): Audit {
  const policyPath = join(folder, 'policy.json');
  const logPath = join(folder, 'audit.log');
  writeFileSync(policyPath, JSON.stringify({
    apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level: 'Metadata', users }, { level: 'None' }],
  }));
  return {
    flags: [`--audit-policy-file=${policyPath}`, `--audit-log-path=${logPath}`],
    read: () => readFileSync(logPath, 'utf8').split('\n').filter((line) => line !== '').flatMap((line) => {
      const { user, verb, objectRef, responseStatus } = JSON.parse(line) as AuditEvent;
      if (objectRef === undefined) return [];
      const { resource, subresource, namespace = '', name = '', apiGroup = '' } = objectRef;
      return [{ user: user.username, verb, group: apiGroup, resource: subresource === undefined ? resource : `${resource}/${subresource}`, namespace, name, status: responseStatus?.code ?? 0 }];
    }),
  };
}
