/** CertificateRequest of cert-manager (`pkg/apis/certmanager/v1/types_certificaterequest.go`), with the fields of it that the hub reads or writes. Its definition belongs to whoever installed it. */
import type { KubernetesObject, ResourceKind } from '../../ports/kubernetes.ts';

export const CertificateRequest: ResourceKind = { group: 'cert-manager.io', version: 'v1', kind: 'CertificateRequest', plural: 'certificaterequests', namespaced: true };

/** Of an Issuer or a ClusterIssuer of cert-manager itself, or of what others add to it. */
export interface IssuerReference { readonly name: string; readonly kind: string; readonly group: string }

export interface CertificateRequestObject extends KubernetesObject {
  readonly spec: {
    /** base64 of PEM. */
    readonly request: string;
    readonly isCA?: boolean;
    readonly usages?: readonly string[];
    readonly duration?: string;
    readonly issuerRef: { readonly name: string; readonly kind?: string; readonly group?: string };
  };
  readonly status?: {
    /** `Approved` and `Denied`: True, by whoever may; `Ready`: False with reason Pending, Failed or Denied, or True; `InvalidRequest`: True. */
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string; readonly lastTransitionTime?: string }[];
    /** base64 of PEM: the certificate, and what is between it and `ca`. */
    readonly certificate?: string;
    /** base64 of PEM. */
    readonly ca?: string;
    readonly failureTime?: string;
  };
}
