/** Questions about access, and what agents see: wire ↔ model. */
import { type AccessObservation, type AccessQuestion, MAX_ACCESS_GROUPS, MAX_ACCESS_SERVICES } from '../../model/access.ts';
import { MAX_SERVICE_PORTS } from '../../model/service.ts';
import type * as wire from '../gen/isthmus/v1/cluster.ts';
import type { Answer, Question } from '../../model/sync.ts';
import { BOUNDS, list, name, text, textMap, texts } from './bounds.ts';
import { answerFromWire, questionFromWire } from './cluster.ts';
import { protocols } from './unions.ts';

const MOST_NAMESPACES = 256;
const MOST_SELECTED_BY = 64;

const short = (field: string, value: string): string => text(field, value, BOUNDS.nameLength);
const key = (field: string, service: { readonly namespace: string; readonly name: string }) => ({ namespace: name(`${field}.namespace`, service.namespace), name: name(`${field}.name`, service.name) });
const labels = (field: string, values: Readonly<Record<string, string>>) => textMap(field, values, MOST_SELECTED_BY, BOUNDS.labelValueLength);

const accessQuestionToWire = ({ services, namespaces }: AccessQuestion): wire.AccessQuestion => ({ services: services.map(({ namespace, name: of }) => ({ namespace, name: of })), namespaces: [...namespaces] });

const accessQuestionFromWire = (field: string, { services, namespaces }: wire.AccessQuestion): AccessQuestion => ({
  services: list(`${field}.services`, services, MAX_ACCESS_SERVICES).map((one, index) => key(`${field}.services[${index}]`, one)),
  namespaces: texts(`${field}.namespaces`, namespaces, MOST_NAMESPACES),
});

const accessObservationToWire = (seen: AccessObservation): wire.AccessObservation => ({
  ...seen, sources: seen.sources.map((one) => ({ ...one })), targets: seen.targets.map((one) => ({ ...one, labels: { ...one.labels } })), others: seen.others.map((one) => ({ ...one })), problems: [...seen.problems],
  services: seen.services.map(({ namespace, name: of, selector, ports }) => ({ namespace, name: of, selector: { ...selector }, ports: ports.map((one) => ({ port: one.port, targetPort: one.targetPort, protocol: protocols.toWire(one.protocol) })) })),
});

const accessObservationFromWire = (field: string, seen: wire.AccessObservation): AccessObservation => ({
  sources: list(`${field}.sources`, seen.sources, MAX_ACCESS_GROUPS).map(({ namespace, serviceAccount, endpoints }, index) =>
    ({ namespace: name(`${field}.sources[${index}].namespace`, namespace), serviceAccount: short(`${field}.sources[${index}].serviceAccount`, serviceAccount), endpoints })),
  sourcesOmitted: seen.sourcesOmitted,
  targets: list(`${field}.targets`, seen.targets, MAX_ACCESS_GROUPS).map(({ labels: of, endpoints, enforcing }, index) => ({ labels: labels(`${field}.targets[${index}].labels`, of), endpoints, enforcing })),
  targetsOmitted: seen.targetsOmitted,
  services: list(`${field}.services`, seen.services, MAX_ACCESS_SERVICES).map((one, index) => ({
    ...key(`${field}.services[${index}]`, one), selector: labels(`${field}.services[${index}].selector`, one.selector),
    ports: list(`${field}.services[${index}].ports`, one.ports, MAX_SERVICE_PORTS).map(({ port, protocol, targetPort }, at) => ({
      port, protocol: protocols.fromWire(`${field}.services[${index}].ports[${at}].protocol`, protocol), targetPort: text(`${field}.services[${index}].ports[${at}].targetPort`, targetPort, BOUNDS.labelValueLength),
    })),
  })),
  others: list(`${field}.others`, seen.others, MOST_NAMESPACES + 1).map(({ namespace, policies, denying }, index) => ({ namespace: short(`${field}.others[${index}].namespace`, namespace), policies, denying })),
  problems: texts(`${field}.problems`, seen.problems, BOUNDS.lines),
});

export const questionWithAccessToWire = ({ verify = '', standing, access, ...question }: Question): wire.Question => ({ ...question, verify, standing: standing === true, access: access === undefined ? undefined : accessQuestionToWire(access) });
export const questionWithAccessFromWire = (field: string, question: wire.Question): Question =>
  ({ ...questionFromWire(field, question), ...(question.access === undefined ? {} : { access: accessQuestionFromWire(`${field}.access`, question.access) }) });

export const answerWithAccessToWire = ({ access, lines, records, ...answer }: Answer): wire.Answer =>
  ({ ...answer, lines: [...lines], records: [...records], access: access === undefined ? undefined : accessObservationToWire(access) });
export const answerWithAccessFromWire = (field: string, answer: wire.Answer): Answer =>
  ({ ...answerFromWire(field, answer), ...(answer.access === undefined ? {} : { access: accessObservationFromWire(`${field}.access`, answer.access) }) });
