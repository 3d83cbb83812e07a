import { Anchor, Button, Group, Select, Stack } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import { api, ask, newRequestId } from "../../api/client.ts";
import { planName } from "../../api/plan.ts";
import { asProblem, fieldProblem, type Problem } from "../../api/problem.ts";
import type { Plan } from "../../api/types.ts";
import { activateLanguage, isLanguage, useLanguage, useText } from "../../i18n/index.ts";
import { adopt } from "../../session/session.ts";
import { Form } from "../../ui/Form.tsx";
import { LanguageSelect, ownTimeZone, PasswordField, TextField, timeZones } from "../../ui/fields.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { Lead } from "./StartFrame.tsx";
import classes from "./start.module.css";

interface Props {
  plan: Plan;
  onBack: () => void;
  /** While an account is being made the page must not send the new owner elsewhere. */
  onSending: (sending: boolean) => void;
}

/** Company, owner, password. Signs the owner in and goes on to the set-up. */
export function AccountForm({ plan, onBack, onSending }: Props) {
  const t = useText();
  const language = useLanguage();
  const [, navigate] = useLocation();
  const [requestId] = useState(newRequestId);
  const [busy, setBusy] = useState<"" | "quick" | "guided">("");
  // Enter takes the quick way, whichever button comes first.
  const way = useRef<"quick" | "guided">("quick");
  const [problem, setProblem] = useState<Problem>();
  const [fields, setFields] = useState({
    companyName: "",
    ownerName: "",
    email: "",
    password: "",
    timeZone: ownTimeZone(),
  });
  const bind = (name: keyof typeof fields) => ({
    value: fields[name],
    required: true,
    error: fieldProblem(problem, name),
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => {
      const { value } = event.currentTarget;
      setFields((before) => ({ ...before, [name]: value }));
    },
    "data-testid": `signup-${name}`,
  });
  const submit = async () => {
    const quick = way.current === "quick";
    setBusy(quick ? "quick" : "guided");
    setProblem(undefined);
    onSending(true);
    try {
      const body = { requestId, planId: plan.planId ?? "", language, ...fields };
      const answer = await ask(api.POST("/v1/tenants:signUp", { body }));
      adopt(answer.session ?? {});
      navigate(quick ? "/set-up?quick=1" : "/set-up");
    } catch (error) {
      onSending(false);
      setProblem(asProblem(error));
      setBusy("");
    }
  };
  return (
    <>
      <Lead title={t("start.account.title")}>
        {t("start.account.lead", { plan: planName(plan) })}{" "}
        <Anchor
          component="button"
          type="button"
          underline="always"
          onClick={onBack}
          data-testid="signup-back"
        >
          {t("start.account.otherPlan")}
        </Anchor>
      </Lead>
      <Form className={classes.card} onSubmit={() => void submit()}>
        <Stack>
          <div className={classes.pair}>
            <TextField
              label={t("start.company")}
              autoComplete="organization"
              maxLength={120}
              {...bind("companyName")}
            />
            <TextField
              label={t("start.yourName")}
              autoComplete="name"
              maxLength={120}
              {...bind("ownerName")}
            />
          </div>
          <TextField
            label={t("start.email")}
            type="email"
            autoComplete="username"
            maxLength={254}
            {...bind("email")}
          />
          <PasswordField
            label={t("start.password")}
            description={t("start.password.hint")}
            autoComplete="new-password"
            minLength={10}
            maxLength={256}
            {...bind("password")}
          />
          <div className={classes.pair}>
            <LanguageSelect
              value={language}
              onChange={(value) => isLanguage(value) && void activateLanguage(value, true)}
            />
            <Select
              label={t("common.timeZone")}
              searchable
              data={timeZones()}
              value={fields.timeZone}
              onChange={(value) => setFields((before) => ({ ...before, timeZone: value ?? before.timeZone }))}
              data-testid="signup-timeZone"
            />
          </div>
          <ProblemNote problem={problem} title={t("start.account.failed")} />
          <Group justify="space-between" mt="xs">
            <Button
              variant="subtle"
              color="gray"
              onClick={onBack}
              leftSection={<IconArrowLeft size={16} aria-hidden className="m-flip" />}
            >
              {t("common.back")}
            </Button>
            <Group>
              <Button
                variant="default"
                loading={busy === "guided"}
                disabled={busy === "quick"}
                onClick={(event) => {
                  way.current = "guided";
                  event.currentTarget.form?.requestSubmit();
                  way.current = "quick";
                }}
                data-testid="signup-submit-guided"
              >
                {t("start.account.guided")}
              </Button>
              <Button
                type="submit"
                loading={busy === "quick"}
                disabled={busy === "guided"}
                data-testid="signup-submit"
              >
                {t("start.account.quick")}
              </Button>
            </Group>
          </Group>
        </Stack>
      </Form>
    </>
  );
}
