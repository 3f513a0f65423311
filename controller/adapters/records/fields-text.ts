/** The fields of a cluster as one text. */
import type { ClusterFields } from '../../../mesh/model/cluster-fields.ts';

export const textOfFields = (fields: ClusterFields): string => JSON.stringify(fields);
export const fieldsFromText = (text: string): ClusterFields => JSON.parse(text) as ClusterFields;
