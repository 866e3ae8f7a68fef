/**
 * For every test file. A property that fails is shrunk in a loop that no test timeout can interrupt; where the counter-example
 * needs two numbers to stay close, that loop has no practical end. After this time the counter-example found so far is reported.
 */
import fc from "fast-check";

fc.configureGlobal({ interruptAfterTimeLimit: 30_000, markInterruptAsFailure: true });
