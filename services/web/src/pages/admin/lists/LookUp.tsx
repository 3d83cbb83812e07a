import { Anchor, Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";
import { api, ask } from "../../../api/client.ts";
import type { NumberMatches } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Form } from "../../../ui/Form.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import classes from "./lists.module.css";

/** Which lists a number is in, and by which entry: what rules would be told. */
export function LookUp() {
  const t = useText();
  const [number, setNumber] = useState("");
  const [found, setFound] = useState<NumberMatches>();
  const [problem, setProblem] = useState<unknown>();
  const look = async () => {
    setProblem(undefined);
    setFound(undefined);
    try {
      setFound(await ask(api.POST("/v1/numberLists:lookUp", { body: { number } })));
    } catch (error) {
      setProblem(error);
    }
  };
  const shown = `\u2066${found?.number ?? ""}\u2069`;
  return (
    <Panel label={t("numberLists.lookUp")} style={{ marginBlockEnd: 14 }}>
      <Form onSubmit={() => void look()} className={classes.lookUp}>
        <TextInput
          label={t("numberLists.lookUpNumber")}
          dir="ltr"
          type="tel"
          placeholder="+994501234567"
          maxLength={40}
          value={number}
          onChange={(event) => setNumber(event.currentTarget.value)}
          data-testid="look-up-number"
        />
        <Button type="submit" variant="default" disabled={!number.trim()} data-testid="look-up-go">
          {t("numberLists.lookUpGo")}
        </Button>
      </Form>
      <ProblemNote problem={problem} />
      <div role="status" data-testid="look-up-found">
        {found && !found.matches?.length && t("numberLists.inNone", { number: shown })}
        {found && Boolean(found.matches?.length) && (
          <>
            {t("numberLists.inLists", { number: shown })}
            <ul className={classes.matches}>
              {found.matches?.map((match) => (
                <li key={match.numberListId}>
                  <Anchor component={Link} href={`/admin/number-lists/${match.numberListId}`}>
                    <bdi>{match.displayName}</bdi>
                  </Anchor>{" "}
                  {t("numberLists.by", { pattern: `\u2066${match.entry?.pattern ?? ""}\u2069` })}
                  {match.entry?.label && (
                    <>
                      {" "}
                      (<bdi>{match.entry.label}</bdi>)
                    </>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Panel>
  );
}
