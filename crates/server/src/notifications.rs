//! What leads out of the server, of the settings: the mail server, the provider of text messages, endpoints of functions, and how far
//! requests may go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::arn::Arn;
use outbound::{FunctionMap, HttpOut, Reach, Smtp, SmtpSettings, SmtpTls};
use ports::mail::Mailer;
use ports::{Outbound, Secret};
use sns::SmsTemplate;

use crate::commands::Failure;
use crate::data_folder;

/// As they were given.
pub struct Given {
    pub public_url: Option<String>,
    pub smtp_host: Option<String>,
    pub smtp_port: Option<String>,
    pub smtp_tls: Option<String>,
    pub smtp_user: Option<String>,
    pub smtp_password_file: Option<PathBuf>,
    pub smtp_from: Option<String>,
    pub sms_file: Option<PathBuf>,
    pub functions: Option<String>,
    pub outbound: Option<String>,
}

/// The settings, checked. Files are read when the server starts.
#[derive(Clone, Debug)]
pub struct Notifications {
    public_url: Option<String>,
    mail: Option<MailServer>,
    sms_file: Option<PathBuf>,
    functions: BTreeMap<String, String>,
    reach: Reach,
}

#[derive(Clone, Debug)]
struct MailServer {
    host: String,
    port: u16,
    tls: SmtpTls,
    user: Option<(String, PathBuf)>,
    from: String,
}

/// The file that says how text messages are sent.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SmsFile {
    url: String,
    body: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        && !text.contains(char::is_whitespace)
}

impl Given {
    /// Says what is wrong with them.
    pub fn check(self) -> Result<Notifications, Failure> {
        if let Some(url) = self.public_url.as_deref().filter(|url| !is_url(url)) {
            return Err(format!("public_url: {url:?} is no URL of http or https").into());
        }
        let tls = match self.smtp_tls.as_deref() {
            None | Some("starttls") => SmtpTls::StartTls,
            Some("on") => SmtpTls::Implicit,
            Some("off") => SmtpTls::None,
            Some(other) => return Err(format!("smtp_tls: {other:?} is none of starttls, on and off").into()),
        };
        let port = match (&self.smtp_port, tls) {
            (Some(text), _) => text.parse().map_err(|_| format!("smtp_port: {text:?} is no port"))?,
            (None, SmtpTls::StartTls) => 587,
            (None, SmtpTls::Implicit) => 465,
            (None, SmtpTls::None) => 25,
        };
        let user = match (self.smtp_user, self.smtp_password_file) {
            (Some(user), Some(file)) => Some((user, file)),
            (None, None) => None,
            _ => return Err("smtp_user and smtp_password_file belong together: give both or neither".into()),
        };
        let mail = match (self.smtp_host, self.smtp_from) {
            (Some(host), Some(from)) => Some(MailServer { host, port, tls, user, from }),
            (None, None) => None,
            _ => return Err("smtp_host and smtp_from belong together: give both or neither".into()),
        };
        let mut functions = BTreeMap::new();
        for text in
            self.functions.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty())
        {
            let is_function = |arn: &str| {
                Arn::parse(arn).is_some_and(|arn| arn.service == "lambda" && arn.resource.starts_with("function:"))
            };
            match text.split_once('=') {
                Some((arn, url)) if is_function(arn.trim()) && is_url(url.trim()) => {
                    functions.insert(arn.trim().to_owned(), url.trim().to_owned());
                }
                _ => {
                    return Err(format!(
                        "functions: {text:?} is not ARN=URL; write arn:aws:lambda:REGION:ACCOUNT:function:NAME=https://HOST/PATH"
                    )
                    .into());
                }
            }
        }
        let reach = match self.outbound.as_deref() {
            None | Some("private") => Reach::Private,
            Some("public") => Reach::Public,
            Some(other) => return Err(format!("outbound: {other:?} is neither private nor public").into()),
        };
        Ok(Notifications { public_url: self.public_url, mail, sms_file: self.sms_file, functions, reach })
    }
}

impl Notifications {
    /// Makes what leads out; reads the files that the settings name. `own_url`: the address that is listened on.
    pub fn open(&self, own_url: &str) -> Result<node::WayOut, Failure> {
        let http: Arc<dyn Outbound> =
            HttpOut::new(self.reach).map_err(|error| format!("reading this machine's certificates: {error}"))?;
        let mail = match &self.mail {
            None => None,
            Some(server) => {
                let credentials = match &server.user {
                    None => None,
                    Some((user, file)) => {
                        Some((user.clone(), Secret(Arc::from(read(file)?.trim_end_matches(['\r', '\n'])))))
                    }
                };
                let settings = SmtpSettings {
                    host: server.host.clone(),
                    port: server.port,
                    tls: server.tls,
                    credentials,
                    from: server.from.clone(),
                };
                let smtp = Smtp::new(&settings).map_err(|error| format!("smtp_host and smtp_from: {error}"))?;
                Some(Arc::new(smtp) as Arc<dyn Mailer>)
            }
        };
        let sms = self.sms_file.as_deref().map(sms_template).transpose()?;
        let public_url = self.public_url.as_deref().unwrap_or(own_url).trim_end_matches('/');
        Ok(node::WayOut {
            functions: FunctionMap::new(self.functions.clone(), Arc::clone(&http)),
            http,
            mail,
            sms,
            public_url: Arc::from(public_url),
        })
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let text = data_folder::read(path).map_err(|error| format!("reading {shown}: {error}"))?;
    Ok(text.ok_or_else(|| format!("there is no file {shown}"))?)
}

fn sms_template(path: &Path) -> Result<SmsTemplate, Failure> {
    let shown = path.display();
    // What the reader of TOML says of a mistake may quote the file, which holds what the provider knows its customer by.
    let file: SmsFile = toml::from_str(&read(path)?)
        .map_err(|_| format!("sms_file {shown}: url, body and a table headers, all of them texts, are expected"))?;
    if !is_url(&file.url) {
        return Err(format!("sms_file {shown}: url is no URL of http or https").into());
    }
    let headers = file.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    Ok(SmsTemplate { url: file.url, headers, body: file.body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        Given {
            public_url: None,
            smtp_host: None,
            smtp_port: None,
            smtp_tls: None,
            smtp_user: None,
            smtp_password_file: None,
            smtp_from: None,
            sms_file: None,
            functions: None,
            outbound: None,
        }
    }

    #[test]
    fn mistakes_are_named() {
        let check = |given: Given, expected: &str| {
            let error = given.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        let some = |text: &str| Some(text.to_owned());
        check(Given { public_url: some("here"), ..given() }, "public_url");
        check(Given { smtp_host: some("h"), ..given() }, "belong together");
        check(Given { smtp_tls: some("yes"), ..given() }, "smtp_tls");
        check(Given { smtp_user: some("u"), ..given() }, "smtp_user and smtp_password_file");
        check(Given { functions: some("f=https://h"), ..given() }, "functions: \"f=https://h\" is not ARN=URL");
        check(Given { outbound: some("all"), ..given() }, "neither private nor public");
    }

    #[test]
    fn what_is_not_said_follows() {
        let mail = |tls: Option<&str>| {
            let smtp_tls = tls.map(str::to_owned);
            let given = Given { smtp_host: Some("h".into()), smtp_from: Some("a@b".into()), smtp_tls, ..given() };
            given.check().unwrap().mail.unwrap().port
        };
        assert_eq!([mail(None), mail(Some("on")), mail(Some("off"))], [587, 465, 25]);
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
        let functions = Some(format!("{arn}=http://localhost:1/x, {arn}2=https://h"));
        assert_eq!(Given { functions, ..given() }.check().unwrap().functions.len(), 2);
    }
}
