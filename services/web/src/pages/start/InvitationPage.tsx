import { Button, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useLocation, useParams, useSearch } from "wouter";
import { api, ask } from "../../api/client.ts";
import { asProblem, fieldProblem, type Problem } from "../../api/problem.ts";
import { activateLanguage, isLanguage, languageWasChosen, useLanguage, useText } from "../../i18n/index.ts";
import { adopt } from "../../session/session.ts";
import { Form } from "../../ui/Form.tsx";
import { PasswordField, TextField } from "../../ui/fields.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { OpenIdButton } from "./OpenIdButton.tsx";
import { Lead, StartFrame } from "./StartFrame.tsx";
import classes from "./start.module.css";

/** Somebody opens their invitation's link: shows who invites, takes a name and a password, signs them in. */
export default function InvitationPage() {
  const t = useText();
  const search = new URLSearchParams(useSearch());
  const { secret: inPath } = useParams<{ secret?: string }>();
  const secret = inPath || search.get("secret") || location.hash.slice(1);
  const { data, error, isPending } = useQuery({
    queryKey: ["invitation", secret],
    queryFn: () => ask(api.POST("/v1/invitations:show", { body: { secret } })),
    retry: false,
  });
  const language = data?.language;
  useEffect(() => {
    if (isLanguage(language) && !languageWasChosen()) void activateLanguage(language);
  }, [language]);
  return (
    <StartFrame width="narrow">
      {isPending && <Loading />}
      {error && (
        <>
          <Lead title={t("start.invitation.over")} />
          <ProblemNote problem={error} title={t("start.invitation.overBody")} />
        </>
      )}
      {data && (
        <>
          <Lead title={t("start.invitation.title", { company: data.tenantName ?? "" })}>
            {t("start.invitation.lead", { email: data.invitation?.email ?? "" })}
          </Lead>
          <AcceptForm
            secret={secret}
            suggestedName={data.invitation?.displayName ?? ""}
            openId={data.oidcAllowed ?? false}
          />
        </>
      )}
    </StartFrame>
  );
}

function AcceptForm(props: { secret: string; suggestedName: string; openId: boolean }) {
  const { secret } = props;
  const t = useText();
  const language = useLanguage();
  const [, navigate] = useLocation();
  const [displayName, setDisplayName] = useState(props.suggestedName);
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = { secret, displayName, password, language };
      adopt(await ask(api.POST("/v1/invitations:accept", { body })));
      navigate("/", { replace: true });
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <Form className={classes.card} onSubmit={() => void submit()}>
      <Stack>
        <TextField
          label={t("start.yourName")}
          autoComplete="name"
          required
          maxLength={120}
          value={displayName}
          error={fieldProblem(problem, "displayName")}
          onChange={(event) => setDisplayName(event.currentTarget.value)}
          data-testid="invitation-name"
        />
        <PasswordField
          label={t("start.password")}
          description={t("start.password.hint")}
          autoComplete="new-password"
          required
          minLength={10}
          maxLength={256}
          value={password}
          error={fieldProblem(problem, "password")}
          onChange={(event) => setPassword(event.currentTarget.value)}
          data-testid="invitation-password"
        />
        <ProblemNote problem={problem} />
        <Button type="submit" loading={busy} data-testid="invitation-accept">
          {t("start.invitation.accept")}
        </Button>
        {props.openId && (
          <OpenIdButton
            next="/"
            invitationSecret={secret}
            onProblem={(error) => setProblem(asProblem(error))}
          />
        )}
      </Stack>
    </Form>
  );
}
