import { embeddedSubject } from './embedded.ts';
import { serverContract } from './suite.ts';

serverContract('embedded API', embeddedSubject);
