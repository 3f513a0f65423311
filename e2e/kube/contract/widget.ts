/** A custom resource of the suite's own: required and bounded fields, a status subresource, a list with keys and an atomic one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KubernetesError, type KubernetesClient, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { CustomResourceDefinition } from '../apiserver.ts';

export const Widget: ResourceKind = { group: 'contract.isthmus.dev', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true };

export interface WidgetObject extends KubernetesObject {
  readonly spec?: {
    readonly size?: number;
    readonly colour?: string;
    readonly ports?: readonly { readonly port: number; readonly protocol?: string; readonly name?: string }[];
    readonly notes?: readonly string[];
    readonly [unknown: string]: unknown;
  };
  readonly status?: { readonly phase?: string };
}

export const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.contract.isthmus.dev' },
  spec: {
    group: 'contract.isthmus.dev', scope: 'Namespaced', names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    versions: [{
      name: 'v1', served: true, storage: true, subresources: { status: {} },
      schema: {
        openAPIV3Schema: {
          type: 'object', required: ['spec'],
          properties: {
            spec: {
              type: 'object', required: ['size'],
              properties: {
                size: { type: 'integer', minimum: 1, maximum: 100 },
                colour: { type: 'string', default: 'grey', enum: ['grey', 'red', 'blue'] },
                ports: {
                  type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port', 'protocol'],
                  items: { type: 'object', required: ['port'], properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: { type: 'string' } } },
                },
                notes: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
              },
            },
            status: { type: 'object', properties: { phase: { type: 'string' } } },
          },
        },
      },
    }],
  },
} satisfies KubernetesObject & { readonly spec: unknown };

/** Resolves when the API serves the kind. */
export async function serveWidgets(client: KubernetesClient): Promise<void> {
  const never = new AbortController().signal;
  await client.create(CustomResourceDefinition, widgetDefinition, { fieldManager: 'contract' }, never).catch((error: unknown) => {
    if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
  });
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      await client.list(Widget, {}, never);
      return;
    } catch (error) {
      if (!(error instanceof KubernetesError && error.code === 404)) throw error;
      await sleep(50);
    }
  }
  throw new Error('widgets were not served within 10 s');
}

export const widget = (name: string, spec: WidgetObject['spec'], metadata: Partial<WidgetObject['metadata']> = {}, namespace = 'contract'): WidgetObject =>
  ({ apiVersion: 'contract.isthmus.dev/v1', kind: 'Widget', metadata: { name, namespace, ...metadata }, ...(spec === undefined ? {} : { spec }) });
