/** Judges the content of a custom object: its schema, its lists, then its rules; what an update leaves alone is not judged again (KEP-4008). */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { listDuplicates } from './list-types.ts';
import { checkRules, hasRules } from './rules.ts';
import { validate } from './validate.ts';

/** After these, rules are not asked: they only see objects whose shape is right (apiextensions-apiserver `hasBlockingErr`). */
const BLOCKING = new Set(['FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid']);
const NOT_CHECKED: StatusCause = {
  reason: 'FieldValueInvalid', field: '<nil>',
  message: 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/** `warnings` gets what rules say of content that stays as it was. */
export function checkContent(schema: StructuralSchema, object: unknown, live: unknown, warnings: string[]): StatusCause[] {
  const causes = validate(schema, object, '', [], live);
  if (live === undefined || listDuplicates(schema, live).length === 0) causes.push(...listDuplicates(schema, object));
  if (!hasRules(schema)) return causes;
  if (causes.some((cause) => BLOCKING.has(cause.reason ?? ''))) return [...causes, NOT_CHECKED];
  return [...causes, ...checkRules(schema, object, live, warnings)];
}
