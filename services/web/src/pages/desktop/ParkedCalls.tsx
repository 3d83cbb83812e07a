import { Button, Group, TextInput } from "@mantine/core";
import { IconParking } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { customersNumber, useNames } from "../../api/names.ts";
import { asProblem, type Problem } from "../../api/problem.ts";
import type { Call } from "../../api/types.ts";
import { retrieve } from "../../desktop/calls.ts";
import { latinDigits } from "../../format/numbers.ts";
import { useText } from "../../i18n/index.ts";
import { Panel } from "../../ui/Page.tsx";
import { Elapsed } from "../../ui/Time.tsx";
import classes from "./desktop.module.css";
import { Refused } from "./Refused.tsx";

const FRESH_MS = 3000;

/** Customers who wait under a code, for anybody to take them. */
export function ParkedCalls() {
  const t = useText();
  const names = useNames();
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const { data = [], refetch } = useQuery({
    queryKey: ["parkedCalls"],
    queryFn: async (): Promise<Call[]> => {
      const query = { parked: true, pageSize: 200 };
      return (await ask(api.GET("/v1/calls", { params: { query } }))).calls ?? [];
    },
    refetchInterval: FRESH_MS,
  });
  const take = async (parkCode: string) => {
    setProblem(undefined);
    try {
      await retrieve(parkCode);
      setCode("");
    } catch (error) {
      setProblem(asProblem(error));
    }
    void refetch();
  };
  return (
    <Panel label={t("dial.parked")} testId="parked-calls">
      <h2 className={classes.sectionTitle}>
        <IconParking size={18} aria-hidden style={{ verticalAlign: "-3px" }} /> {t("dial.parked")}
      </h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (code) void take(code);
        }}
      >
        <Group align="flex-end" gap="xs" wrap="nowrap" mb="sm">
          <TextInput
            label={t("calls.parkCode")}
            inputMode="numeric"
            dir="ltr"
            autoComplete="off"
            maxLength={8}
            value={code}
            onChange={(event) => setCode(latinDigits(event.currentTarget.value).replace(/\D/g, ""))}
            data-testid="retrieve-code"
            style={{ flex: 1 }}
          />
          <Button type="submit" variant="default" disabled={code.length < 3} data-testid="retrieve">
            {t("dial.retrieve")}
          </Button>
        </Group>
      </form>
      <Refused problem={problem} testId="retrieve-problem" />
      {data.length === 0 && <p className={classes.quiet}>{t("dial.noneParked")}</p>}
      <ul className={classes.waiting}>
        {data.map((call) => (
          <li key={call.callId} data-testid={`parked-${call.parkCode}`}>
            <span className={`${classes.parkCode} m-ltr m-figures`}>{call.parkCode}</span>
            <span className={classes.grow}>
              <span>
                <bdi>{call.callerName || customersNumber(call) || t("common.anonymous")}</bdi>
              </span>
              <span className={classes.quiet}>
                <bdi>{names.brand(call.brandId)}</bdi> · <Elapsed since={call.startTime} />
              </span>
            </span>
            <Button
              size="xs"
              variant="default"
              aria-label={`${t("dial.retrieve")}: ${call.parkCode}`}
              onClick={() => void take(call.parkCode ?? "")}
            >
              {t("dial.retrieve")}
            </Button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
