/**
 * Whether a GitOps tool or Helm brings an object, read from labels and annotations alone. Where each mark comes from: Argo CD `docs/user-guide/resource_tracking.md`,
 * Flux's kustomize-controller and helm-controller (owner labels), Helm 3.2 (adoption annotations).
 */

type ManagingTool = 'Argo CD' | 'Flux Kustomization' | 'Flux HelmRelease' | 'Helm';

export interface ManagedBy {
  readonly tool: ManagingTool;
  /** Of the Application, Kustomization, HelmRelease or release. An Argo CD application outside of Argo CD's own namespace is `namespace_name`. */
  readonly name: string;
  /** null: the mark does not say it. */
  readonly namespace: string | null;
  /** false: the mark is one that people and charts set, too (`app.kubernetes.io/instance`). */
  readonly sure: boolean;
  /** The label's or annotation's key. */
  readonly mark: string;
}

/** The part of `ObjectMeta` that is looked at. */
export interface MarkedMetadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const ARGO_TRACKING = 'argocd.argoproj.io/tracking-id';
const INSTANCE = 'app.kubernetes.io/instance';
const HELM_RELEASE = 'meta.helm.sh/release-name';
const FLUX = [['Flux Kustomization', 'kustomize.toolkit.fluxcd.io'], ['Flux HelmRelease', 'helm.toolkit.fluxcd.io']] as const;

/** Labels and annotations with these prefixes tell a tool that an object is its own: who copies labels from one object to another leaves them behind. */
const TOOL_PREFIXES = ['app.kubernetes.io/', 'argocd.argoproj.io/', 'kustomize.toolkit.fluxcd.io/', 'helm.toolkit.fluxcd.io/', 'meta.helm.sh/', 'helm.sh/', 'kubectl.kubernetes.io/'];

export const isToolMark = (key: string): boolean => TOOL_PREFIXES.some((prefix) => key.startsWith(prefix));

/**
 * `application:group/Kind:namespace/name`. Argo CD itself takes an id that names another object for a copy, which it does not own; the colons of RBAC names
 * (`system:x`) belong to the name. undefined: no such id, or not of this object.
 */
function argoApplication(id: string, { name, namespace }: MarkedMetadata, kind: { readonly group: string; readonly kind: string } | undefined): string | undefined {
  const [, application, group, itsKind, itsNamespace, itsName] = /^([^:]+):([^/:]*)\/([^:]+):([^/]*)\/(.+)$/.exec(id) ?? [];
  if (application === undefined || itsName !== name) return undefined;
  // An object of no namespace is written with that of the application's destination.
  if (namespace !== undefined && itsNamespace !== namespace) return undefined;
  if (kind !== undefined && (kind.group !== group || kind.kind !== itsKind)) return undefined;
  return application;
}

/** null: no tool that we know of. Where one tool works through another (a HelmRelease through Helm), the outer one: it is the one to talk to. */
export function managedBy(metadata: MarkedMetadata, kind?: { readonly group: string; readonly kind: string }): ManagedBy | null {
  const { labels = {}, annotations = {} } = metadata;
  for (const [tool, prefix] of FLUX) {
    const name = labels[`${prefix}/name`];
    if (name !== undefined && name !== '') return { tool, name, namespace: labels[`${prefix}/namespace`] ?? null, sure: true, mark: `${prefix}/name` };
  }
  const application = argoApplication(annotations[ARGO_TRACKING] ?? '', metadata, kind);
  if (application !== undefined) return { tool: 'Argo CD', name: application, namespace: null, sure: true, mark: ARGO_TRACKING };
  const release = annotations[HELM_RELEASE];
  if (release !== undefined && release !== '') return { tool: 'Helm', name: release, namespace: annotations['meta.helm.sh/release-namespace'] ?? null, sure: true, mark: HELM_RELEASE };
  // Argo CD's way to track before 3.0; charts set the same label to their release's name.
  const instance = labels[INSTANCE];
  return instance === undefined || instance === '' ? null : { tool: 'Argo CD', name: instance, namespace: null, sure: false, mark: INSTANCE };
}
