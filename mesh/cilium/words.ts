/** Names by which Cilium finds what its peering objects hold. */

/** ConfigMap of those who may read this cluster, and its one key (chart `clustermesh-apiserver/users-configmap.yaml`). */
export const REMOTE_USERS = 'clustermesh-remote-users';
export const USERS_KEY = 'users.yaml';

/** Secrets of those whom this cluster reads: as agents find them, and as KVStoreMesh does (`clustermesh-config/*-secret.yaml`). */
export const PEERS_OF_AGENTS = 'cilium-clustermesh';
export const PEERS_OF_KVSTOREMESH = 'cilium-kvstoremesh';

/** Every object of a peering, users before those who are let in by them. */
export const PEERING_OBJECTS = [{ kind: 'ConfigMap', name: REMOTE_USERS }, { kind: 'Secret', name: PEERS_OF_AGENTS }, { kind: 'Secret', name: PEERS_OF_KVSTOREMESH }] as const;

/** Deployment and Service of the etcd that peers read. */
export const MESH_SERVER = 'clustermesh-apiserver';

/** Cilium takes a file for a peer's configuration if and only if it holds this (`pkg/clustermesh/common/config.go`). */
export const ENDPOINTS = 'endpoints:';
export const isEntry = (text: string | undefined): boolean => text?.includes(ENDPOINTS) === true;
