//! What environment and profile say of AWS, checked before it is used: the libraries behind panic, or try again for a minute,
//! where a request cannot be made of an address, a region or a key.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use plumbline_common::contract::{names, variable};
use plumbline_common::{Problem, Result, addresses, codes};

/// `AWS_ENDPOINT_URL_<SERVICE>`, else `AWS_ENDPOINT_URL`, else `endpoint_url` of the profile; without a slash at its end.
///
/// # Errors
/// `SETTING_INVALID` for another thing than an address.
pub(crate) fn endpoint(service: &str, config: &SdkConfig) -> Result<Option<String>> {
    let own = format!("{}_{service}", names::AWS_ENDPOINT_URL);
    let given = [own.as_str(), names::AWS_ENDPOINT_URL]
        .into_iter()
        .find_map(|name| Some((name, variable(name)?)))
        .or_else(|| Some(("endpoint_url", config.endpoint_url()?.to_string())));
    given.map(|(setting, address)| usable(setting, &address)).transpose()
}

fn usable(setting: &str, address: &str) -> Result<String> {
    let is_usable = |url: &reqwest::Url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match reqwest::Url::parse(address).ok().filter(is_usable) {
        Some(url) => Ok(url.as_str().trim_end_matches('/').to_string()),
        None => Err(Problem::new(&codes::SETTING_INVALID, "cannot use the address of a service of AWS")
            .field(setting)
            .found(format!("`{}`", addresses::shown(address).escape_debug()))
            .expected("an address such as `http://localhost:4566`, without a query")),
    }
}

/// # Errors
/// `SETTING_INVALID` for a text that cannot be part of an address.
pub(crate) fn check_region(region: &str) -> Result<()> {
    if region.bytes().all(is_of_name) {
        return Ok(());
    }
    let is_set_by = |name: &&str| variable(name).as_deref() == Some(region);
    let setting = [names::AWS_REGION, names::AWS_DEFAULT_REGION].into_iter().find(is_set_by);
    Err(Problem::new(&codes::SETTING_INVALID, "the AWS region cannot be used")
        .field(setting.unwrap_or("region"))
        .found(format!("`{}`", region.escape_debug()))
        .expected("a name such as `eu-west-1`"))
}

/// Whether a byte may stand in the name of a region or of a bucket.
pub(crate) fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// That the parts of credentials that a request names can stand in it.
///
/// # Errors
/// `AWS_IDENTITY`.
pub(crate) fn check_credentials(credentials: &Credentials) -> Result<()> {
    let token = credentials.session_token().unwrap_or_default();
    for (what, value, name) in [
        ("access key id", credentials.access_key_id(), names::AWS_ACCESS_KEY_ID),
        ("session token", token, names::AWS_SESSION_TOKEN),
    ] {
        let Some((at, odd)) = value.chars().enumerate().find(|(_, c)| !(' '..='~').contains(c)) else {
            continue;
        };
        let problem = Problem::new(&codes::AWS_IDENTITY, "the AWS credentials cannot be used");
        let setting = if variable(name).is_some() { name } else { what };
        return Err(problem
            .field(setting)
            .found(format!("{} as character {}", odd.escape_unicode(), at + 1))
            .expected("one line of visible ASCII characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_services_are_refused_by_the_name_of_their_setting() {
        for (address, expected) in [
            ("http://localhost:4566", "http://localhost:4566"),
            ("http://localhost:4566//", "http://localhost:4566"),
            ("HTTP://Host/path/", "http://host/path"),
            ("https://[::1]:1", "https://[::1]:1"),
            ("http://bücher.example", "http://xn--bcher-kva.example"),
            ("http://h/a b", "http://h/a%20b"),
        ] {
            assert_eq!(usable("NAME", address).unwrap(), expected, "{address}");
        }
        for address in [
            "localhost:4566",
            "127.0.0.1:4566",
            "s3.us-east-1.amazonaws.com",
            "http://h:99999",
            "http://u:word@h:x",
            "http://",
            "http://[::1",
            "http://exa mple",
            "htp://u:word@h",
            "u:word@h:80",
            "http://h/?k=word",
            "http://h#word",
        ] {
            let told = usable("NAME", address).unwrap_err().to_string();
            let is_told = told.starts_with("PL0101") && told.contains("`NAME`") && !told.contains("word");
            assert!(is_told, "{address}: {told}");
        }
    }

    #[test]
    fn regions_and_keys_that_no_request_can_name_are_told() {
        for region in ["eu-west-1", "auto", "RegionOne"] {
            check_region(region).unwrap();
        }
        for region in ["us east", "us-east-1\n", "a/b", "é"] {
            assert!(check_region(region).unwrap_err().to_string().contains("region"), "{region:?}");
        }
        let credentials =
            |key: &str, token: &str| Credentials::new(key, "secret", Some(token.into()), None, "tests");
        check_credentials(&credentials("AKID", "to/k+e n=")).unwrap();
        for odd in ["AK1\ntwo", "AK1\u{7f}", "AK1\u{1b}", "AK1é"] {
            for (key, token) in [(odd, "t"), ("AKID", odd)] {
                let told = check_credentials(&credentials(key, token)).unwrap_err().to_string();
                assert!(told.starts_with("PL0610") && !told.contains("AK1"), "{odd:?}: {told}");
            }
        }
    }
}
