/** Everything that a look at a peer can find, with its colour and the way out: the closed table behind `isthmus mesh verify`, `isthmus doctor` and docs/reference/mesh-verify.md. */
import type { Colour } from '../model/peer-verdict.ts';

interface Reason {
  readonly colour: Exclude<Colour, 'green'>;
  /** What is so, of READER and PEER. */
  readonly means: string;
  readonly wayOut: string;
}

/** Worst first: where several hold, the first one is mostly the cause of the others. */
export const REASONS = {
  EntryInvalid: { colour: 'red', means: 'READER\'s entry for PEER is no configuration that Cilium could use.', wayOut: 'If others changed it, give it back: annotate the Secret with isthmus.dev/drift=revert. Otherwise look at the Mesh\'s conditions.' },
  CredentialsMissing: { colour: 'red', means: 'The entry names certificate files that are in none of READER\'s Secrets, so Cilium does not even try.', wayOut: 'Look at the conditions of the agent\'s Cluster for what keeps the mesh certificates from being issued.' },
  ClientCertificateExpired: { colour: 'red', means: 'READER\'s own client certificate is over.', wayOut: 'See why its agent could not renew it: "isthmus identity", and the agent\'s log.' },
  NameUnresolved: { colour: 'red', means: 'READER cannot resolve the name of PEER\'s mesh server.', wayOut: 'Make the name known to READER\'s DNS, or give PEER\'s Cluster an endpoint with addresses.' },
  Unreachable: { colour: 'red', means: 'Nobody answers at PEER\'s address and port.', wayOut: 'Check PEER\'s clustermesh-apiserver Service (address, node port), firewalls and routes from READER\'s nodes; then whether its pod runs.' },
  NotTls: { colour: 'red', means: 'Something answers at PEER\'s address, but it speaks no TLS.', wayOut: 'The address or port is of another service: correct PEER\'s endpoint, or the load balancer that ends TLS in between.' },
  Timeout: { colour: 'red', means: 'PEER\'s mesh server takes the connection and then hangs.', wayOut: 'Look at the etcd container of PEER\'s clustermesh-apiserver: processor, disk, number of clients. A middlebox that swallows packets looks the same.' },
  UntrustedServer: { colour: 'red', means: 'PEER\'s server certificate comes from no root that READER trusts.', wayOut: 'Both must have the mesh\'s bundle: "isthmus identity" shows which roots each uses. If they agree, somebody else answers at that address.' },
  ServerNameMismatch: { colour: 'red', means: 'Who answers for PEER has a certificate of another name.', wayOut: 'The address leads to another cluster, or PEER\'s certificate lacks the name in READER\'s entry: compare the endpoint with the certificate\'s names.' },
  ServerCertificateExpired: { colour: 'red', means: 'PEER\'s server certificate is over.', wayOut: 'See why PEER\'s agent could not renew it, and that READER\'s clock is right.' },
  ServerCertificateNotYetValid: { colour: 'red', means: 'PEER\'s server certificate begins in READER\'s future.', wayOut: 'One of the clocks is wrong: check time synchronisation in both.' },
  ClientCertificateRefused: { colour: 'red', means: 'PEER\'s etcd does not take READER\'s client certificate.', wayOut: 'Its pod may have read an older bundle: it reads roots at its start only. Replace the pods of PEER\'s clustermesh-apiserver; if that does not help, READER was revoked or has another authority.' },
  NoUser: { colour: 'red', means: 'PEER\'s etcd knows no user of READER\'s name, or the user has no role.', wayOut: 'Look for READER in ConfigMap clustermesh-remote-users of PEER, and whether PEER\'s clustermesh-apiserver runs with cluster users enabled.' },
  Unavailable: { colour: 'red', means: 'PEER\'s mesh server breaks connections off or says that it is not available.', wayOut: 'Its pod is starting, stopping or crashing: look at PEER\'s clustermesh-apiserver.' },
  TooLarge: { colour: 'red', means: 'PEER\'s etcd answers with more than any mesh server would.', wayOut: 'That is no mesh etcd of Cilium, or its keys were written by others: look at what answers there.' },
  Malformed: { colour: 'red', means: 'What answers for PEER does not speak as etcd does.', wayOut: 'Correct the endpoint, or the proxy in between.' },
  WrongCluster: { colour: 'red', means: 'An etcd answers, but holds no configuration of PEER that READER may read.', wayOut: 'The endpoint leads to another cluster, or PEER calls itself by another name; just after PEER\'s pod was replaced this passes by itself.' },
  ConfigInvalid: { colour: 'red', means: 'The cluster-config of PEER cannot be read as one.', wayOut: 'Something else than clustermesh-apiserver writes that key: look at who.' },
  IdMismatch: { colour: 'red', means: 'PEER runs under another cluster id than the mesh has for it.', wayOut: 'Ids are set at install time: install PEER with the planned id, or let the mesh adopt the one it has.' },
  DuplicateId: { colour: 'red', means: 'PEER has the id of READER or of another peer: Cilium refuses the second one.', wayOut: 'One of them must be installed anew with an id of its own; the Mesh\'s conditions say which would move.' },
  MaxConnectedClustersMismatch: { colour: 'red', means: 'PEER and READER disagree on maxConnectedClusters, so identities of one mean others in the other.', wayOut: 'It is an install-time setting: all clusters of a mesh must have the same.' },
  ReadsTooLittle: { colour: 'red', means: 'READER is let in, but may not read PEER\'s state.', wayOut: 'The role "remote" in PEER\'s etcd is not as Cilium makes it: replace the pods of PEER\'s clustermesh-apiserver, which set it up anew.' },
  WritesAllowed: { colour: 'red', means: 'READER could write into PEER\'s etcd.', wayOut: 'READER\'s user has another role than "remote": take it out of PEER\'s clustermesh-remote-users, and replace PEER\'s pods.' },
  HeartbeatMissing: { colour: 'red', means: 'PEER\'s etcd holds no heartbeat.', wayOut: 'Its clustermesh-apiserver does not reach its own etcd: look at the container "apiserver" there.' },
  HeartbeatStale: { colour: 'red', means: 'PEER\'s heartbeat stands still: what its etcd holds is old.', wayOut: 'Its clustermesh-apiserver does not reach its own etcd: look at the container "apiserver" there.' },
  MirrorUnreachable: { colour: 'red', means: 'READER\'s own clustermesh-apiserver cannot be read, from which its agents would hear of PEER.', wayOut: 'Look at READER\'s clustermesh-apiserver and its Secret clustermesh-apiserver-local-cert.' },
  MirrorMissing: { colour: 'red', means: 'READER\'s KVStoreMesh has not copied PEER: its agents know nothing of it.', wayOut: 'Look at the container "kvstoremesh" in READER: "kvstoremesh-dbg troubleshoot PEER" there opens the same connection.' },
  AgentsEntryMissing: { colour: 'red', means: 'READER\'s KVStoreMesh reads PEER, but its agents are not told to.', wayOut: 'Secret cilium-clustermesh lacks PEER; if others took it out, annotate the Secret with isthmus.dev/drift=revert.' },
  NotWritten: { colour: 'yellow', means: 'READER is to read PEER, and has no entry for it yet.', wayOut: 'An update run brings it: "isthmus run" shows where it is.' },
  Waiting: { colour: 'yellow', means: 'READER\'s entry for PEER waits until PEER\'s etcd lets READER in.', wayOut: 'Mostly PEER gets its users and certificates in a later stage; the sentence says what was refused last.' },
  RootsElsewhere: { colour: 'yellow', means: 'READER\'s Cilium takes its roots from an object of others (Helm value tls.caBundle), so that READER\'s agent cannot tell whether Cilium trusts PEER.', wayOut: 'Turn tls.caBundle off in READER, and Cilium takes the mesh\'s roots from the Secrets; or put the mesh\'s roots into that object as well, and keep them there through every rotation.' },
  MirrorPending: { colour: 'yellow', means: 'The entry is new or was changed, and READER\'s KVStoreMesh has not shown since that it has PEER.', wayOut: 'Kubelets bring files after up to two minutes: look again then. A peer that left and came back is taken up by Cilium only three minutes after it left, unless the pod of clustermesh-apiserver is replaced.' },
  MirrorBehind: { colour: 'yellow', means: 'READER\'s copy of PEER has had other counts than PEER itself for two looks.', wayOut: 'KVStoreMesh is slow or stuck: look at its log and its rate limit (etcd.qps).' },
  NotSynced: { colour: 'yellow', means: 'PEER has not said yet that all of its state is in its etcd.', wayOut: 'Its clustermesh-apiserver has just started, or lacks rights in its cluster: wait a minute, then look at its log.' },
  ReadsTooMuch: { colour: 'yellow', means: 'READER may read in PEER\'s etcd what PEER has of third clusters.', wayOut: 'The role "remote" there is wider than Cilium makes it: replace the pods of PEER\'s clustermesh-apiserver, which set it up anew.' },
  HeartbeatPending: { colour: 'yellow', means: 'PEER\'s etcd holds no heartbeat yet.', wayOut: 'Look again in two minutes: Cilium writes the first one a minute after the pod\'s start.' },
  HeartbeatOld: { colour: 'yellow', means: 'PEER\'s last heartbeat is old by READER\'s clock; it was not seen to stand still yet.', wayOut: 'Look again in a minute: it stands still, or a clock is wrong.' },
  ClockSkew: { colour: 'yellow', means: 'The clocks of READER and PEER disagree.', wayOut: 'Check time synchronisation in both: certificates and failover depend on it.' },
  ServerCertificateExpiring: { colour: 'yellow', means: 'PEER\'s server certificate ends soon, and should have been renewed by now.', wayOut: 'See why PEER\'s agent, or whoever issues it, does not renew it.' },
  ClientCertificateExpiring: { colour: 'yellow', means: 'READER\'s client certificate ends soon, and should have been renewed by now.', wayOut: 'See why READER\'s agent, or whoever issues it, does not renew it.' },
  Drifted: { colour: 'yellow', means: 'Somebody else changed READER\'s entry for PEER; it was left alone.', wayOut: '"isthmus drift" shows what and who; accept it, or give it back.' },
  NotLooked: { colour: 'yellow', means: 'READER\'s agent has not looked at PEER yet.', wayOut: 'It looks within a minute of the entry; agents of older versions do not look at all.' },
  AgentAway: { colour: 'yellow', means: 'READER\'s agent is not connected to the hub: what it said last may be over.', wayOut: 'See "kubectl get clusters" for since when, and READER\'s agent.' },
} as const satisfies Readonly<Record<string, Reason>>;

export type ReasonCode = keyof typeof REASONS;

export const REASON_CODES = Object.keys(REASONS) as readonly ReasonCode[];

/** undefined: of a newer version. */
export const reasonOf = (code: string): Reason | undefined => (Object.hasOwn(REASONS, code) ? REASONS[code as ReasonCode] : undefined);

/** `text` with the names of both. */
export const named = (text: string, reader: string, peer: string): string => text.replaceAll('READER', reader).replaceAll('PEER', peer);
