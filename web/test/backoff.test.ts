import { describe, expect, test } from "vitest";
import { planReconnect } from "../src/live/backoff";

const most = () => 0.999999;
const least = () => 0;

describe("what follows a close, by its range", () => {
  test.each([4000, 4001, 4003, 4005, 4006, 4099])("%i stops and says why", (code) => {
    const plan = planReconnect(code, 0, most);
    expect(plan.action).toBe("stop");
    expect(plan.action === "stop" && plan.reason).toBeTruthy();
  });

  test.each([4100, 4101, 4103, 4104])("%i gets a new ticket, at once the first time", (code) => {
    expect(planReconnect(code, 0, most)).toEqual({ action: "renew", delay: 0 });
  });

  test("a ticket refused again and again waits longer and longer", () => {
    const delays = [1, 2, 3].map((attempt) => planReconnect(4104, attempt, most));
    expect(delays.map((plan) => (plan.action === "renew" ? plan.delay : -1))).toEqual([2000, 4000, 8000]);
  });

  test.each([4200, 4203, 1006, 1011, 1001])("%i waits a random time below a window that doubles to 30 s", (code) => {
    const window = (attempt: number) => planReconnect(code, attempt, most);
    expect(window(0)).toEqual({ action: "retry", delay: 1_000 });
    expect(window(4)).toEqual({ action: "retry", delay: 16_000 });
    expect(window(5)).toEqual({ action: "retry", delay: 30_000 });
    expect(window(500)).toEqual({ action: "retry", delay: 30_000 });
    expect(planReconnect(code, 5, least)).toEqual({ action: "retry", delay: 0 });
  });

  test.each([4300, 4301, 4302, 4303])("%i comes back within half a second", (code) => {
    expect(planReconnect(code, 0, most)).toEqual({ action: "retry", delay: 500 });
  });

  test("a server that stays away after 4300 is not hammered", () => {
    expect(planReconnect(4300, 3, most)).toEqual({ action: "retry", delay: 8_000 });
  });
});
