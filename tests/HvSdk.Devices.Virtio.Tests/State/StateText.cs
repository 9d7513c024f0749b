using System.Globalization;
using System.Text.Json.Nodes;

namespace HvSdk.Devices.Virtio.Tests.State;

/// <summary>A saved state as a text that somebody changes.</summary>
internal static class StateText
{
    /// <summary>Changes one value, whichever.</summary>
    public static void ChangeAny(JsonNode state, Random random)
    {
        List<JsonValue> values = [];
        Collect(state, values);
        values[random.Next(values.Count)].ReplaceWith(random.Next(4) switch
        {
            0 => (JsonNode)random.Next(4),
            1 => (JsonNode)random.Next(1 << 16),
            2 => (JsonNode)random.NextInt64(),
            _ => (JsonNode)(random.Next(2) == 0),
        });
    }

    public static void Change(JsonNode node, string path, JsonNode? value)
    {
        string[] parts = path.Replace("[", ".[", StringComparison.Ordinal).Split('.');
        for (int i = 0; i < parts.Length - 1; i++)
        {
            node = parts[i][0] == '[' ? node[int.Parse(parts[i][1..^1], CultureInfo.InvariantCulture)]! : node[parts[i]]!;
        }

        string last = parts[^1];
        if (last[0] == '[')
        {
            node[int.Parse(last[1..^1], CultureInfo.InvariantCulture)] = value;
        }
        else
        {
            node[last] = value;
        }
    }

    private static void Collect(JsonNode? node, List<JsonValue> values)
    {
        switch (node)
        {
            case JsonValue value:
                values.Add(value);
                break;
            case JsonArray array:
                foreach (JsonNode? item in array)
                {
                    Collect(item, values);
                }

                break;
            case JsonObject map:
                foreach (KeyValuePair<string, JsonNode?> item in map)
                {
                    Collect(item.Value, values);
                }

                break;
        }
    }
}
