/** Bundles as values: versioned content, named by its digest, that runs bring to clusters. */

/** One object by its coordinates; `namespace` empty: cluster-scoped. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

type Json = unknown;
export type ManifestObject = Readonly<Record<string, Json>> & { readonly apiVersion: string; readonly kind: string };

/** Exactly one of the kinds is set. Parts are applied in order, a part only when the one before it is healthy; they are taken back in reverse order. */
export interface BundlePart {
  /** Unique in its bundle. */
  readonly name: string;
  /** Whole objects, by server-side apply. What an earlier version of the package had and this one has not is pruned. */
  readonly manifests?: readonly ManifestObject[];
  /** Values of Cilium's (or any chart's) release, by the way that the cluster's team has chosen: a Flux HelmRelease's `spec.values`, an Argo CD Application's `spec.source.helm.valuesObject`, or a ConfigMap's `data`. */
  readonly values?: { readonly target: 'HelmRelease' | 'Application' | 'ConfigMap'; readonly namespace: string; readonly name: string; readonly values: Readonly<Record<string, Json>> };
  /** Fields of an object that is there already (a CAPI Cluster's topology), by server-side apply under our field manager. */
  readonly patch?: { readonly object: ObjectReference; readonly fields: Readonly<Record<string, Json>> };
  /** The agent's own image tag. Done when an agent of that version reports. */
  readonly agentVersion?: { readonly version: string };
  /** A Job (batch/v1) that must complete, once for each assignment of the bundle. */
  readonly hook?: { readonly job: ManifestObject; readonly timeoutSeconds: number };
}

/** When an object is healthy, beyond kstatus: CEL over `self`, the live object. A CEL error is not healthy. */
export interface HealthRule {
  readonly apiVersion: string;
  readonly kind: string;
  readonly cel: string;
}

/** `digest` (`sha256-` and hex) is of `canonicalJson` of this. */
export interface BundleContent {
  readonly schema: 1;
  /** What it is a version of: a bundle replaces another of the same package. */
  readonly package: string;
  readonly version: string;
  readonly parts: readonly BundlePart[];
  readonly health: readonly HealthRule[];
}

/** A DSSE envelope (github.com/secure-systems-lab/dsse) whose payload is `canonicalJson` of the BundleContent. */
export interface DsseSignature {
  readonly keyid: string;
  /** Base64. */
  readonly sig: string;
}

export const BUNDLE_PAYLOAD_TYPE = 'application/vnd.isthmus.bundle.v1+json';

/** As it travels to agents. Resource name: the digest. */
export interface BundleDelivery {
  readonly digest: string;
  /** `canonicalJson` of a BundleContent. */
  readonly content: string;
  readonly signatures: readonly DsseSignature[];
}

/** In a DesiredState, sorted by package. */
export interface BundleReference {
  readonly package: string;
  readonly version: string;
  readonly digest: string;
}

/** Keys and how many of them a bundle needs; pinned outside the hub, by file, at the hub and at each agent. */
export interface SigningPolicy {
  /** Distinct keys that must have signed; 0: signatures are not asked for. */
  readonly threshold: number;
  readonly keys: readonly SigningKey[];
}

export interface SigningKey {
  readonly keyid: string;
  /** PEM, SubjectPublicKeyInfo: Ed25519 or ECDSA P-256. */
  readonly publicKeyPem: string;
  /** RFC 3339. A signature counts only before this. */
  readonly notAfter?: string;
  readonly revoked?: boolean;
}
