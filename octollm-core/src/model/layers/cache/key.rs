//! What makes two questions the same.

use crate::memory::CacheKey;
use crate::model::{ModelDescriptor, ModelRequest};

/// The form of what is kept. Another form has another number, so that an old value is not misread.
const FORM: &str = "1";

/// The key of a request to this model; none for a request that cannot be serialised.
pub(super) fn of(model: &ModelDescriptor, tenant: &str, request: &ModelRequest) -> Option<CacheKey> {
    let request = serde_json::to_vec(request).ok()?;
    let parts: [&[u8]; 5] =
        [FORM.as_bytes(), tenant.as_bytes(), model.vendor.as_bytes(), model.model.as_bytes(), &request];
    Some(CacheKey::new("model", parts))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;
    use crate::model::{Message, OutputFormat, Purpose, Tool, ToolChoice};

    #[test]
    fn whatever_could_change_the_answer_changes_the_key() {
        let base = ModelRequest::new(vec![Message::user("Where do octopuses sleep?")]);
        let changed = |change: &dyn Fn(&mut ModelRequest)| {
            let mut request = base.clone();
            change(&mut request);
            of(&ModelDescriptor::default(), "", &request).unwrap()
        };
        let tool = Tool { name: "t".into(), description: String::new(), parameters: json!({}) };
        let keys = [
            changed(&|_| {}),
            changed(&|request| request.messages[0] = Message::user("Where do squids sleep?")),
            changed(&|request| request.messages[0] = Message::system("Where do octopuses sleep?")),
            changed(&|request| request.tools.push(tool.clone())),
            changed(&|request| request.tool_choice = ToolChoice::None),
            changed(&|request| request.output = OutputFormat::Json),
            changed(&|request| request.max_output_tokens = Some(1)),
            changed(&|request| request.temperature = Some(0.0)),
            changed(&|request| request.top_p = Some(0.5)),
            changed(&|request| request.stop.push("x".into())),
            changed(&|request| request.seed = Some(1)),
            changed(&|request| request.purpose = Purpose::Coding),
            of(&ModelDescriptor { model: "other".into(), ..Default::default() }, "", &base).unwrap(),
            of(&ModelDescriptor { vendor: "other".into(), ..Default::default() }, "", &base).unwrap(),
            of(&ModelDescriptor::default(), "somebody", &base).unwrap(),
        ];
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        assert_eq!(keys[0], changed(&|request| request.context.step = Some(3)), "who asks changes nothing");
    }
}
