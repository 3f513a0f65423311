/** The questions that are measured: as `fleet query` takes them, and as `kubectl get -l` and jq do where they can. */

export interface Question {
  readonly name: string;
  readonly query: string;
  /** For `kubectl get clusters -l`; absent: it cannot ask this. */
  readonly labels?: string;
  /** A jq condition on one Cluster. */
  readonly jq: string;
  /** The same in JavaScript, for machines without jq. */
  readonly script: string;
}

const label = (name: string): string => `.metadata.labels.${name}`;

export const QUESTIONS: readonly Question[] = [
  { name: 'one team', query: 'team=team-7', labels: 'team=team-7', jq: `${label('team')} == "team-7"`, script: 'c.metadata.labels.team === "team-7"' },
  {
    name: 'two labels', query: 'region=eu-west-1,environment=production', labels: 'region=eu-west-1,environment=production',
    jq: `${label('region')} == "eu-west-1" and ${label('environment')} == "production"`, script: 'c.metadata.labels.region === "eu-west-1" && c.metadata.labels.environment === "production"',
  },
  {
    name: 'by capability', query: 'gpu=h100,certification=pci', jq: '(.status.capabilities.gpu | index("h100")) and .spec.properties.certification == "pci"',
    script: 'c.status.capabilities.gpu.includes("h100") && c.spec.properties.certification === "pci"',
  },
  {
    name: 'Europe, CA generation 3, not frozen, agent < 1.4, by last change', query: 'region=eu-*,issuing-ca-generation=3,!frozen,agent-version<1.4 order by last-change',
    jq: `(${label('region')} | startswith("eu-")) and .status.identity.issuingCaGeneration == 3 and (.spec.frozen | not) and ((.status.agentVersion | split(".") | map(tonumber)) < [1, 4])`,
    script: 'c.metadata.labels.region.startsWith("eu-") && c.status.identity.issuingCaGeneration === 3 && c.spec.frozen === undefined && Number(c.status.agentVersion.split(".")[1]) < 4',
  },
  { name: 'a glob that begins with *', query: 'pod-cidrs=*.7.0.0/16', jq: '.status.cilium.podCidrs[0] | endswith(".7.0.0/16")', script: 'c.status.cilium.podCidrs[0].endsWith(".7.0.0/16")' },
];
