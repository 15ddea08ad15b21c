use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static DETECTOR: LazyLock<SecretDetector> = LazyLock::new(|| SecretDetector::new().unwrap());

fn found(text: &str) -> Vec<(String, String)> {
    let findings = DETECTOR.scan(text);
    findings.iter().map(|finding| (finding.type_name.to_string(), text[finding.range()].to_owned())).collect()
}

fn finds(text: &str, kind: &str, value: &str) {
    assert_eq!(found(text), [(kind.to_owned(), value.to_owned())], "{text}");
}

fn finds_nothing(text: &str) {
    assert_eq!(found(text), [], "{text}");
}

/// Disorderly characters that are no real token.
fn noise(length: usize) -> String {
    "a8Kd0QzX3mP7vRt2LbY5nWc9HsJ4gF6u".chars().cycle().take(length).collect()
}

fn hex(length: usize) -> String {
    "3f8a0c1d5e2b7a946d".chars().cycle().take(length).collect()
}

#[test]
fn escapes_are_no_part_of_a_secret() {
    let token = format!("ghp_{}", noise(36));
    finds(&format!(r#"{{"msg":"paid\n{token}\tand"}}"#), "github_token", &token);
    finds(r#"{"m":"login \"password=hunter2xyzA9\" failed"}"#, "password", "hunter2xyzA9");
    finds(r#"{"m":"{\"user\":\"bob\",\"password\":\"Tr0ub4dor3x\"}"}"#, "password", "Tr0ub4dor3x");
    finds(r"password: hunter2xyzA9\nnext", "password", "hunter2xyzA9");
    finds(r#"{"password": "Kr\u00e4hennest"}"#, "password", r"Kr\u00e4hennest");
}

#[test]
fn words_in_capitals_announce_as_well() {
    for word in ["пароль", "Пароль", "ПАРОЛЬ", "HASŁO", "CONTRASEÑA", "LÖSENORD"] {
        finds(&format!("{word}: Tr0ub4dor3x"), "password", "Tr0ub4dor3x");
    }
}

#[test]
fn a_credential_in_a_sentence_needs_no_sign() {
    for text in [
        "Please log in with password Tr0ub4dor3x and go on",
        "use password \"Tr0ub4dor3x\" for it",
        "mit dem Passwort Tr0ub4dor3x",
        "avec le mot de passe Tr0ub4dor3x.",
    ] {
        finds(text, "password", "Tr0ub4dor3x");
    }
    finds(
        "my api key 8f14e45fceea167a5a36dedd4bea2543 please",
        "api_key",
        "8f14e45fceea167a5a36dedd4bea2543",
    );
    for none in [
        "hash the password PBKDF2WithHmacSHA256 wise",
        "the password Manager2 asks for",
        "a password must have 8 characters",
        "count the token claude-3-5-sonnet-20241022 uses",
        "the secret of Room101",
    ] {
        finds_nothing(none);
    }
}

#[test]
fn elements_and_statements_hold_passwords() {
    finds("<db.password>Tr0ub4dor3x</db.password>", "password", "Tr0ub4dor3x");
    finds("<apiKey>8f14e45fceea167a5a36dedd4bea2543</apiKey>", "api_key", "8f14e45fceea167a5a36dedd4bea2543");
    finds("ALTER USER bob WITH PASSWORD 'Tr0ub4dor3x';", "password", "Tr0ub4dor3x");
    for none in [
        "<password>${db.password}</password>",
        "<p>password</p>",
        "x < password > 3",
        "word(\"with password \", Quoted2),\n];",
    ] {
        finds_nothing(none);
    }
}

#[test]
fn a_key_file_of_putty_is_found_whole() {
    let key = "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: k\nPublic-Lines: 1\nAAAAB3Nz\n\
        Private-Lines: 1\nAAABAQC7=\nPrivate-MAC: 3f8a0c1d5e2b7a94";
    finds(&format!("see\n{key}\nand more"), "private_key", key);
    finds_nothing("Files begin with PuTTY-User-Key-File-N and a colon");
}

#[test]
fn tokens_of_known_formats() {
    for (kind, token) in [
        ("aws_access_key", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("github_token", format!("ghp_{}", noise(36))),
        ("gitlab_token", format!("glpat-{}", noise(20))),
        ("stripe_key", format!("sk_live_{}", noise(24))),
        ("slack_token", format!("xoxb-123456789012-{}", noise(24))),
        ("openai_key", format!("sk-proj-{}_T3-{}", noise(60), noise(60))),
        ("openai_key", format!("sk-{}", noise(48))),
        ("anthropic_key", format!("sk-ant-api03-{}-AA", noise(90))),
        ("huggingface_token", format!("hf_{}", noise(34))),
        ("google_api_key", format!("AIza{}", noise(35))),
        ("sendgrid_key", format!("SG.{}.{}", noise(22), noise(43))),
        ("gitlab_token", format!("glptt-{}", hex(40))),
        ("rubygems_token", format!("rubygems_{}", hex(48))),
        ("pulumi_token", format!("pul-{}", hex(40))),
        ("sentry_token", format!("sntryu_{}", hex(64))),
        ("hubspot_token", "pat-na1-3f8a0c1d-5e2b-7a94-6d3f-8a0c1d5e2b7a".to_owned()),
        ("facebook_token", format!("EAA{}", noise(150))),
        ("doppler_token", format!("dp.st.prd.{}", noise(43))),
        ("tavily_key", format!("tvly-dev-{}", noise(32))),
        ("jina_key", format!("jina_{}", noise(60))),
        ("elevenlabs_key", format!("sk_{}", hex(48))),
        ("telegram_bot_token", format!("123456789:AA{}", noise(33))),
        ("digitalocean_token", format!("dop_v1_{}", hex(64))),
        ("azure_storage_key", format!("AccountKey={}==", noise(86))),
        ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", noise(30), noise(43))),
    ] {
        finds(&format!("use {token}, please"), kind, &token);
        finds(&format!("日本語{token}"), kind, &token);
    }
}

/// Those whose telling part stands within them, or that are made of several parts.
#[test]
fn tokens_that_do_not_begin_with_their_sign() {
    for (kind, token) in [
        ("azure_client_secret", format!("aB38Q~{}", noise(34))),
        ("mailchimp_key", format!("{}-us12", hex(32))),
        ("terraform_token", format!("{}.atlasv1.{}", noise(14), noise(64))),
        ("braintree_token", format!("access_token$production${}${}", hex(16), hex(32))),
        ("airtable_token", format!("pat{}.{}", noise(14), hex(64))),
        ("dynatrace_token", format!("dt0c01.{}.{}", noise(24).to_uppercase(), noise(64).to_uppercase())),
        ("plaid_token", "access-production-3f8a0c1d-5e2b-7a94-6d3f-8a0c1d5e2b7a".to_owned()),
        ("mapbox_key", format!("sk.eyJ{}.{}", noise(80), noise(22))),
        ("langfuse_key", "sk-lf-3f8a0c1d-5e2b-7a94-6d3f-8a0c1d5e2b7a".to_owned()),
    ] {
        finds(&format!("use {token}, please"), kind, &token);
        finds(&format!("日本語{token}"), kind, &token);
    }
    let signed = format!("https://x.blob.core.windows.net/a?sv=2022-11-02&sig={}%3D", noise(43));
    assert_eq!(found(&signed).len(), 1, "{signed}");
    finds_nothing("made in the -us12, aQ~1, a.atlasv1.b, patterns.of.the.path");
}

#[test]
fn a_pair_of_fields_names_a_password_and_holds_it() {
    for text in [
        r#"<input type="password" value="Tr0ub4dor3x">"#,
        r#"<add key="DbPassword" value="Tr0ub4dor3x" />"#,
        r#"<property name="hibernate.connection.password">Tr0ub4dor3x</property>"#,
        "env:\n  - name: DB_PASSWORD\n    value: Tr0ub4dor3x\n",
        r#"{"name": "DB_PASSWORD", "value": "Tr0ub4dor3x"}"#,
        r#"ds.setPassword("Tr0ub4dor3x");"#,
        "client.password('Tr0ub4dor3x')",
        r#"{"code": "ds.setPassword(\"Tr0ub4dor3x\");"}"#,
        "data-props=\"{&quot;password&quot;: &quot;Tr0ub4dor3x&quot;}\"",
        "<code>password=&#39;Tr0ub4dor3x&#39;</code>",
        "ds.setPassword(&quot;Tr0ub4dor3x&quot;)",
    ] {
        finds(text, "password", "Tr0ub4dor3x");
    }
    for none in [
        r#"<input type="password" name="x"><input type="text" value="Tr0ub4dor3x">"#,
        r#"t.password("login.password_label"), check_password("has 8 characters")"#,
        "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: x1y2z3",
        r#"{"name": "password", "in": "query", "required": true}"#,
    ] {
        finds_nothing(none);
    }
}

#[test]
fn a_column_of_passwords_is_found_in_all_its_lines() {
    let export = "name,url,username,password\nShop,https://shop.example,ann,correct horse\nBank,https://bank.example,ann,\"Tr0ub,4dor\"\n\nend, of, the, list\n";
    let password = |value: &str| ("password".to_owned(), value.to_owned());
    assert_eq!(found(export), [password("correct horse"), password("Tr0ub,4dor")]);
    assert_eq!(found("host\tdb_password\na\tsummer\nb\tS3cret_99\n"), [password("S3cret_99")]);
    finds_nothing("password,rule\nnull,at least twelve\n$PASSWORD,none\n");
    assert_eq!(found("site,username,password\nx.com,bob,$ecret99\n"), [password("$ecret99")]);
    for none in [
        "SELECT id, password\nFROM users, accounts\n",
        "suite|pass|fail\nunit|10234|2\n",
        "| Method | Password | SSO |\n|---|---|---|\n| LDAP | Supported | yes |\n",
        "| Setting | Password |\n|:---|:---:|\n| minimum | 12 characters |\n",
        "username|password\n--------|--------\nadmin|see the vault\n",
        "name,email,reset_password\nAnn,ann,2024-05-01T10:00\n",
        "user,token\nann,first-quarter-2024-report\n",
    ] {
        finds_nothing(none);
    }
    finds_nothing("password_policy,password length\nstrict99,twelve12\n");
}

#[test]
fn options_of_commands_give_passwords() {
    for text in [
        "docker login -u me -p Tr0ub4dor3x registry.example.com",
        "redis-cli -h cache -a Tr0ub4dor3x ping",
        "sshpass -p 'Tr0ub4dor3x' ssh -p 2222 host",
        "ldapsearch -x -D cn=admin -w Tr0ub4dor3x",
        "smbclient //host/share -U bob%Tr0ub4dor3x",
    ] {
        finds(text, "password", "Tr0ub4dor3x");
    }
    finds("docker login \\\n  -u bob \\\n  -p Tr0ub4dor3x r.io\n", "password", "Tr0ub4dor3x");
    finds_nothing(
        "docker run --name mongo -p 127.0.0.1:27017:27017/tcp mongo; cd mongo && mkdir -p data/db1",
    );
    finds_nothing("docker run -p 8080:80a web; tar -a archive1; ssh -p 2222x host");
    let oracle = "jdbc:oracle:thin:scott/Tr0ub4dor3x@db:1521/x";
    finds(oracle, "url_credentials", "oracle:thin:scott/Tr0ub4dor3x");
    finds(
        "SECRET_KEY = 'django-insecure-#f$x7^qe!0@w3&yz9k_t5'",
        "api_key",
        "django-insecure-#f$x7^qe!0@w3&yz9k_t5",
    );
}

#[test]
fn what_only_speaks_of_credentials_is_none() {
    for none in [
        r#"<label for="password">Password:</label><label for="pass">Passwort:</label>"#,
        r#"<string name="password">Password:</string><span class="token">abcdef0123456789abcdef</span>"#,
        r#"encryptPassword("AES-256") setPasswordHash("sha512") getPassword("prod_db1") hasPassword("user1")"#,
        r##"throw new InvalidPassword("E1042"); page.fill_password("#login-pw1"); resetPassword("step_2")"##,
        r#"La parola: "amore""#,
        "sfc-d41d8cd98f00b204e9800998ecf8427e favicon.ico-d41d8cd98f00b204e9800998ecf8427e",
        "cache-key-d41d8cd98f00b204e9800998ecf8427e TASKd41d8cd98f00b204e9800998ecf8427e",
    ] {
        finds_nothing(none);
    }
    finds(r#"ds.setPassword("hunter2x".toCharArray());"#, "password", "hunter2x");
    finds(r#"ds.setDbPassword( "hunter2x", 5 );"#, "password", "hunter2x");
    finds(r#"<property name="hibernate.connection.password">hunter2x</property>"#, "password", "hunter2x");
}

#[test]
fn code_and_masks_are_no_passwords() {
    for none in [
        "user, password = userinfo.partition(b':')",
        "def login(self, password: typing.Optional[bytes] = None, pw: Optional[str])",
        "password = xstrdup(v2);",
        "print('bob:****'); password = ':****'",
        r#""OLDPWD": "/home/node1/project/src""#,
        "if data.startswith(b'-----BEGIN OPENSSH PRIVATE KEY-----'):",
        "scheme://[user:passwd1@]proxy.server:port",
    ] {
        finds_nothing(none);
    }
}

#[test]
fn project_keys_are_found_as_one() {
    let key = format!("sk-proj-{}", noise(156));
    finds(&format!("OPENAI_API_KEY={key}"), "openai_key", &key);
}

#[test]
fn private_keys_with_and_without_an_end() {
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n{}\n-----END RSA PRIVATE KEY-----",
        noise(64),
        noise(64)
    );
    finds(&format!("key:\n{key}\nthat was it"), "private_key", &key);
    let cut = format!("-----BEGIN PRIVATE KEY-----\n{}\n{}", noise(64), noise(40));
    finds(&cut, "private_key", &cut);
    finds_nothing("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----");
}

/// The rest of a key that was longer than 16 KiB was shown.
#[test]
fn long_private_keys_are_found_whole() {
    let lines = format!("{}\n", noise(64)).repeat(640);
    let cut = format!("-----BEGIN RSA PRIVATE KEY-----\n{lines}");
    finds(&cut, "private_key", &cut);
    let key = format!("{cut}-----END RSA PRIVATE KEY-----");
    finds(&format!("{key}\nthat was it"), "private_key", &key);
}

#[test]
fn addresses_with_passwords() {
    finds(
        "at postgres://app:s3cr3t@db.example:5432/x now",
        "url_credentials",
        "postgres://app:s3cr3t@db.example:5432",
    );
    finds("redis://:p@ss@cache", "url_credentials", "redis://:p@ss@cache");
    finds_nothing(
        "https://example.com:8080/a@b https://user@example.com postgres://app:${PASSWORD}@db ://:@",
    );
}

#[test]
fn values_after_words_that_announce_them() {
    let key = noise(32);
    finds("password = hunter2!x", "password", "hunter2!x");
    finds(r#"{"password": "correct horse"}"#, "password", "correct horse");
    finds("the password is Tr0ub4dor&3.", "password", "Tr0ub4dor&3");
    finds("パスワードはhunter2!xです", "password", "hunter2!xです");
    finds(&format!("api_key: {key}"), "api_key", &key);
    finds(&format!(r#""client_secret": "{key}""#), "api_key", &key);
    finds(&format!("Authorization: Bearer {key}"), "api_key", &key);
}

/// The example of the cloud's own documentation has one digit.
#[test]
fn a_key_with_few_digits_is_one() {
    let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    finds(&format!("AWS_SECRET_ACCESS_KEY={key}"), "api_key", key);
    finds(&format!("aws_secret_access_key = {key}"), "api_key", key);
    let letters = "hf_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH";
    finds(&format!("login {letters}"), "huggingface_token", letters);
    finds_nothing("token: AbstractBeanFactoryProxyListener7 secret: /run/secrets/DatabaseConnectionString1");
}

#[test]
fn values_in_a_query_end_with_it() {
    let key = noise(32);
    finds(&format!("GET /v1?client_secret={key}&grant_type=x"), "api_key", &key);
    finds("POST user=bob&password=swordfish&x=1", "password", "swordfish");
    finds("password=p&ssw0rd!", "password", "p&ssw0rd!");
}

#[test]
fn passwords_are_announced_in_many_languages() {
    for word in ["wachtwoord", "hasło", "senha", "密码", "비밀번호", "pw", "Pass"] {
        finds(&format!("{word}: Geheim123!"), "password", "Geheim123!");
    }
    finds("Das Passwort lautet Geheim123!", "password", "Geheim123!");
    finds_nothing("compass: north12345 bypass=yes12345 pass by value1 the pass is closed1 pw is short1");
}

#[test]
fn credentials_of_commands_and_files() {
    for (text, value) in [
        ("tool --password S3cretPw1 --verbose", "S3cretPw1"),
        ("tool --db-password S3cretPw1", "S3cretPw1"),
        ("mysql -u root -pS3cretPw1 shop", "S3cretPw1"),
        ("mysqldump -u root -p83746251 shop", "83746251"),
        ("curl -u admin:83746251 http://localhost", "83746251"),
        ("curl -u admin:Sup3rS3cret https://example.com", "Sup3rS3cret"),
        ("machine x login bob password S3cretPw1", "S3cretPw1"),
        ("CREATE USER bob IDENTIFIED BY \"Sup3r\"", "Sup3r"),
        ("PGPASSWORD=letmein psql", "letmein"),
    ] {
        finds(text, "password", value);
    }
    finds(&format!("Cookie: sessionid={}", hex(32)), "api_key", &hex(32));
    finds(&format!("Cookie: PHPSESSID={}; x=1", hex(32)), "api_key", &hex(32));
    let notion = format!("secret_{}", noise(43));
    finds(&notion, "notion_token", &notion);
    for hash in [
        format!("$6$Zx8a0c1d5e2b7a94${}", noise(86)),
        format!("$6$rounds=5000$Zx8a0c1d${}", noise(86)),
        format!("$2y$10${}", noise(53)),
        format!("$apr1$Zx8a0c1d${}", noise(22)),
    ] {
        finds(&format!("bob:{hash}:19000:0"), "password_hash", &hash);
    }
}

#[test]
fn what_commands_say_of_credentials_is_none() {
    finds_nothing(
        "--password FILE, --password <password>, --password=$PASS, --password $PASS, --password --user x1",
    );
    finds_nothing(
        "docker run -u user:group x, curl -u user:group x, mkdir -path1x, ssh -p2222 host, mysql -p shop, mysql -p3306",
    );
    finds_nothing(
        "password protected, the password is required, passwort: vergessen? PWD=/home/bob OLDPWD=/home/bob",
    );
    finds_nothing(
        "identified by \"Sarah\", the login password protected1 it, DB_PASSWORD=string, costs $6$ or $2a$",
    );
}

#[test]
fn words_about_credentials_are_none() {
    finds_nothing(
        "private_key_path=/etc/ssl/private/server2023.key secretName: projects/123/secrets/mine/versions/4",
    );
    finds_nothing("tokenizer: bert-base-uncased-v2-2020-final, api_key_header: x-service-key-2024-v1");
    finds_nothing(
        "password = input('Password: '); const password = user.password1; token=self.access_token_2",
    );
    finds_nothing("the password is required; the password is too short; password: string; password = None");
    finds_nothing("password = os.environ['DB_PASSWORD']; token = get_token(user); secret: ${SECRET}");
    finds_nothing("tokens: 4096, max_tokens=200000, token = tokenizer.next_token, api_key=YOUR_API_KEY");
    finds_nothing(
        "Reset your password: click the link. The secret to happiness is 1234567890 hugs. bearer of news",
    );
    finds_nothing(
        "sk-learn, task-management-of-everything-in-the-world, ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    );
}

/// A few megabytes of what would never end if anything here were quadratic.
/// What was redacted once is not redacted again.
#[test]
fn hashes_that_redaction_leaves_are_no_secrets() {
    for text in ["password: [PASSWORD:1c200d158da0f615]", "the key [AWS_ACCESS_KEY:d3623a51d322a8e9],"] {
        assert_eq!(DETECTOR.scan(text).len(), 0, "{text}");
    }
    for text in ["[PASSWORD:Rosebud-1941]", "[API_KEY: 1c200d158da0f6151c200d158da0f615]"] {
        assert_eq!(DETECTOR.scan(text).len(), 1, "{text}");
    }
}

#[test]
fn repeated_patterns_take_linear_time() {
    for unit in [
        "eyJ-",
        "eyJ",
        "sk-",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----!",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----END -----",
        "password=",
        "password='",
        "://a:b",
        "glc_",
        ":AA",
        "whsec_/",
        "mysql -p",
        "$6$",
        "--password ",
        "hooks.slack.com/services/",
        "setPassword(\"",
        "password value",
        "password\" ",
        "-----BEGIN PRIVATE KEY-----\nMII",
        "0-us1",
        "a1Q~",
        ".atlasv1.",
        "oracle:thin:a/",
        "redis-cli -a ",
    ] {
        DETECTOR.scan(&unit.repeat((1 << 18) / unit.len()));
    }
}

proptest! {
    #[test]
    fn any_text_gives_places_on_boundaries(text in any::<String>()) {
        for finding in &DETECTOR.scan(&text) {
            prop_assert!(text.get(finding.range()).is_some());
        }
    }

    #[test]
    fn texts_full_of_anchors_give_places_on_boundaries(
        parts in proptest::collection::vec(prop_oneof![
            Just("password"), Just("パスワード"), Just("は"), Just("="), Just("\""), Just("é"), Just("://"), Just("@"),
            Just("eyJ"), Just("."), Just("-----BEGIN PRIVATE KEY"), Just("a1B2c3D4e5F6g7H8i9J0"), Just(":AA"), Just(" "),
        ], 0..24)
    ) {
        let text = parts.concat();
        for finding in &DETECTOR.scan(&text) {
            prop_assert!(text.get(finding.range()).is_some());
        }
    }
}
