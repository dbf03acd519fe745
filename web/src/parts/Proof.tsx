// Whoever did not prove for a while that it is them is asked once, and what they did goes on.
import { Alert, Anchor, Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconFingerprint, IconInfoCircle } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Proof, proveBy, Refused } from "../api/call.ts";
import { challengeProof, proveAgain, proveWithPasskey } from "../api/generated/panel.ts";
import { hasPasskeys, NoPasskey, showPasskey } from "../api/passkeys.ts";
import { sessionQuery } from "../api/queries.ts";
import { ProofSignOn } from "./ProofSignOn.tsx";
import { sentenceOf } from "./said.ts";

/** Over a form that is open already. */
const ABOVE = 300;

interface Question extends Proof {
  answer: (isProved: boolean) => void;
}

/** There once: calls that the control server refuses without a proof open it. */
export function ProofDialog() {
  const { t } = useTranslation();
  const [question, setQuestion] = useState<Question>();
  const asked = useRef<Promise<boolean>>(undefined);
  useEffect(() => {
    proveBy((proof) => {
      // Several calls at once are one question.
      asked.current ??= new Promise<boolean>((answer) => setQuestion({ ...proof, answer })).finally(() => {
        asked.current = undefined;
        setQuestion(undefined);
      });
      return asked.current;
    });
    return () => proveBy(undefined);
  }, []);
  const cancel = () => question?.answer(false);
  return (
    <Modal
      opened={question !== undefined}
      onClose={cancel}
      zIndex={ABOVE}
      title={t("proof.title")}
      closeButtonProps={{ "aria-label": t("app.close") }}
    >
      {question && <ProofForm question={question} />}
    </Modal>
  );
}

function ProofForm({ question: { way, orPasskey, orProvider, answer } }: { question: Question }) {
  const { t } = useTranslation();
  const { data: session } = useQuery({ ...sessionQuery, enabled: false });
  const form = useForm({ initialValues: { given: "" } });
  const prove = useMutation({
    mutationFn: (given: string) => proveAgain(way === "code" ? { code: given } : { password: given }),
    onSuccess: () => answer(true),
    onError: (error) => {
      // The login page follows.
      if (error instanceof Refused && error.status === 401) return answer(false);
      form.setFieldError("given", sentenceOf(error));
    },
  });
  const field = { required: true, withAsterisk: false, "data-autofocus": true, ...form.getInputProps("given") };
  return (
    <form onSubmit={form.onSubmit(({ given }) => prove.mutate(given))}>
      <Stack>
        <Text size="sm">{t(way === "code" ? "proof.codeText" : "proof.passwordText")}</Text>
        {way === "code" ? (
          <TextInput
            label={t("proof.code")}
            description={t("login.codeHint")}
            autoComplete="one-time-code"
            {...field}
          />
        ) : (
          <>
            <input
              type="text"
              name="username"
              autoComplete="username"
              value={session?.user.email ?? ""}
              readOnly
              hidden
            />
            <PasswordInput label={t("proof.password")} autoComplete="current-password" {...field} />
            <Alert icon={<IconInfoCircle />} variant="default">
              {t("proof.noPassword")}{" "}
              <Anchor component={Link} to="/forgotten" inherit underline="always" onClick={() => answer(false)}>
                {t("proof.setOne")}
              </Anchor>
            </Alert>
          </>
        )}
        {orPasskey && hasPasskeys() && <PasskeyProof answer={answer} />}
        <Group justify="end">
          <Button variant="default" onClick={() => answer(false)}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" loading={prove.isPending}>
            {t("proof.submit")}
          </Button>
        </Group>
        {orProvider && <ProofSignOn />}
      </Stack>
    </form>
  );
}

function PasskeyProof({ answer }: Pick<Question, "answer">) {
  const { t } = useTranslation();
  const prove = useMutation({
    mutationFn: async () => {
      const { options } = (await challengeProof()).data;
      return proveWithPasskey({ credential: await showPasskey(options) });
    },
    onSuccess: () => answer(true),
    onError: (error) => {
      // The login page follows.
      if (error instanceof Refused && error.status === 401) answer(false);
    },
  });
  const sentence = (error: unknown) => {
    if (error instanceof NoPasskey) return t("proof.passkeyNone");
    return error instanceof Refused && error.status === 422 ? t("proof.passkeyWrong") : sentenceOf(error);
  };
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconFingerprint size={18} />}
        loading={prove.isPending}
        onClick={() => prove.mutate()}
      >
        {t("proof.passkey")}
      </Button>
      {prove.error && (
        <Text role="alert" size="sm" c="var(--mantine-color-error)">
          {sentence(prove.error)}
        </Text>
      )}
    </>
  );
}
