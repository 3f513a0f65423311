/** Under which the command line owns the fields that it writes. */
export const FIELD_MANAGER = 'isthmus-cli';
