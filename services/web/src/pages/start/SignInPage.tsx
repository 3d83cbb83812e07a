import { Anchor, Button, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Link, Redirect, useLocation, useSearch } from "wouter";
import { api, ask } from "../../api/client.ts";
import { useText } from "../../i18n/index.ts";
import { adopt, useSession } from "../../session/session.ts";
import { Form } from "../../ui/Form.tsx";
import { PasswordField, TextField } from "../../ui/fields.tsx";
import { Note } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { safeNext } from "./next.ts";
import { OpenIdButton } from "./OpenIdButton.tsx";
import { Lead, StartFrame } from "./StartFrame.tsx";
import classes from "./start.module.css";

/** E-mail and password, or the organisation's OpenID provider; afterwards back to where the person was. */
export default function SignInPage() {
  const t = useText();
  const session = useSession();
  const [, navigate] = useLocation();
  const next = safeNext(new URLSearchParams(useSearch()).get("next"));
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  if (session.status === "signedIn") return <Redirect to={next} replace />;
  const submit = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      adopt(await ask(api.POST("/v1/sessions:signIn", { body: { email, password } })));
      navigate(next, { replace: true });
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  const expired = session.status === "signedOut" && session.expired;
  return (
    <StartFrame width="narrow">
      <Lead title={t("start.signIn.title")} />
      {expired && (
        <div style={{ marginBottom: 16 }}>
          <Note tone="info" testId="session-expired">
            {t("start.signIn.expired")}
          </Note>
        </div>
      )}
      <Form className={classes.card} onSubmit={() => void submit()}>
        <Stack>
          <TextField
            label={t("start.email")}
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            data-testid="signin-email"
          />
          <PasswordField
            label={t("start.password")}
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            data-testid="signin-password"
          />
          <ProblemNote problem={problem} title={t("start.signIn.failed")} />
          <Button type="submit" loading={busy} data-testid="signin-submit">
            {t("start.signIn.action")}
          </Button>
          <OpenIdButton next={next} onProblem={setProblem} />
        </Stack>
      </Form>
      <Text ta="center" mt="lg" size="sm">
        {t("start.noAccount")}{" "}
        <Anchor component={Link} href="/sign-up" underline="always" data-testid="to-sign-up">
          {t("start.signUp")}
        </Anchor>
      </Text>
    </StartFrame>
  );
}
