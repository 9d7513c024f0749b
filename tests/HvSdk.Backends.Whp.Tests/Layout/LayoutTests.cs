using System.Reflection;
using System.Runtime.CompilerServices;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp.Tests.Layout;

/// <summary>The interop types against winhvplatformdefs.h. The first test runs everywhere, and the last one where the header is.</summary>
public sealed class LayoutTests
{
    private const BindingFlags Everything = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance;

    private static readonly HeaderLayout s_header = HeaderLayout.Load();

    /// <summary>Storage of bit fields, which the header does not name.</summary>
    private static readonly string[] s_ownNames = ["Bits", "LengthAndCr8"];

    /// <summary>Newer results than the structures of mingw-w64 hold, and the inline array that stands for a C array.</summary>
    public static TheoryData<string> Structs =>
        [.. Types().Where(static type => type is { IsValueType: true, IsEnum: false }).Select(static type => type.Name)];

    public static TheoryData<string> Enums => [.. Types().Where(static type => type.IsEnum).Select(static type => type.Name)];

    [Fact]
    public void Types_OfTheInterop_AreFound()
    {
        Assert.True(Structs.Count > 25, $"{Structs.Count} structures");
        Assert.True(Enums.Count > 15, $"{Enums.Count} enumerations");
        Assert.True(s_header.Facts.Count > 1000, $"{s_header.Facts.Count} facts");
    }

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_AgainstTheHeader_HasSizesOffsetsAndBits(string name)
    {
        Type type = Find(name);
        var wrong = new List<string>();
        Compare(wrong, $"sizeof {name}", SizeOf(type));
        foreach (FieldInfo field in type.GetFields(Everything).Where(static field => !s_ownNames.Contains(field.Name)))
        {
            Compare(wrong, $"offset {name}.{field.Name}", (ulong)field.GetCustomAttribute<System.Runtime.InteropServices.FieldOffsetAttribute>()!.Value);
            Compare(wrong, $"size {name}.{field.Name}", SizeOf(field.FieldType));
        }

        foreach (PropertyInfo property in type.GetProperties(Everything))
        {
            CompareBits(wrong, type, property);
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Theory]
    [MemberData(nameof(Enums))]
    public void Enum_AgainstTheHeader_HasItsNamesAndNumbers(string name)
    {
        Type type = Find(name);
        bool isMask = s_header.Facts.ContainsKey($"sizeof {name}");
        var wrong = new List<string>();
        foreach (string member in Enum.GetNames(type).Where(static member => member != "None"))
        {
            ulong value = Convert.ToUInt64(Enum.Parse(type, member), null);
            if (isMask)
            {
                Compare(wrong, $"firstbit {name}.{member}", (ulong)System.Numerics.BitOperations.TrailingZeroCount(value));
                Compare(wrong, $"bits {name}.{member}", (ulong)System.Numerics.BitOperations.PopCount(value));
            }
            else
            {
                Compare(wrong, $"enum {name}.{member}", value);
            }
        }

        // And nothing of the header is missing.
        string prefix = isMask ? $"bits {name}." : $"enum {name}.";
        string[] missing =
        [
            .. s_header.Facts.Keys.Where(fact => fact.StartsWith(prefix, StringComparison.Ordinal))
                .Select(fact => fact[prefix.Length..])
                .Where(member => !member.StartsWith("Reserved", StringComparison.Ordinal) && !Enum.IsDefined(type, member)),
        ];
        wrong.AddRange(missing.Select(member => $"{name} lacks {member}"));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Theory]
    [InlineData("WHV_PARTITION_MEMORY_COUNTERS")]
    [InlineData("WHV_PROCESSOR_RUNTIME_COUNTERS")]
    [InlineData("WHV_PROCESSOR_INTERCEPT_COUNTERS")]
    [InlineData("WHV_PROCESSOR_EVENT_COUNTERS")]
    [InlineData("WHV_PROCESSOR_APIC_COUNTERS")]
    public void Counters_AgainstTheHeader_AreInItsOrder(string name)
    {
        string[] own = name switch
        {
            "WHV_PARTITION_MEMORY_COUNTERS" => WhpStatistics.Memory,
            "WHV_PROCESSOR_RUNTIME_COUNTERS" => WhpStatistics.Runtime,
            "WHV_PROCESSOR_INTERCEPT_COUNTERS" => WhpStatistics.Intercepts,
            "WHV_PROCESSOR_EVENT_COUNTERS" => WhpStatistics.Events,
            _ => WhpStatistics.Apic,
        };
        string prefix = $"offset {name}.";
        string[] header =
        [
            .. s_header.Facts.Where(fact => fact.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(static fact => fact.Value)
                .Select(fact => fact.Key[prefix.Length..]),
        ];

        // An intercept counter is two numbers, a count and a time.
        Assert.Equal(header, own.Select(static counter => counter.Split('.')[0]).Distinct());
        Assert.Equal(s_header.Facts[$"sizeof {name}"], (ulong)own.Length * sizeof(ulong));
    }

    [Fact]
    public void ExitContext_Union_IsWhereTheHeaderHasIt()
    {
        Assert.Equal(WHV_RUN_VP_EXIT_CONTEXT.UnionOffset, (int)s_header.Facts["offset WHV_RUN_VP_EXIT_CONTEXT.MemoryAccess"]);
        Assert.Equal(WHV_RUN_VP_EXIT_CONTEXT.UnionOffset + WHV_RUN_VP_EXIT_CONTEXT.UnionSize, (int)s_header.Facts["sizeof WHV_RUN_VP_EXIT_CONTEXT"]);
    }

    [Fact]
    public void CheckedInLayout_AgainstTheInstalledHeaders_IsTheirs()
    {
        HeaderLayout installed = CrossCompiler.ReadHeaders();
        if (Environment.GetEnvironmentVariable("HVSDK_UPDATE") == "1")
        {
            File.WriteAllText(
                Path.Combine(SourceFolder(), "winhvplatform.layout.txt"), installed.ToText("winhvplatformdefs.h of mingw-w64 10.0.0 (Debian 12)"));
        }

        string[] wrong =
        [
            .. s_header.Facts.Where(fact => !installed.Facts.TryGetValue(fact.Key, out ulong value) || value != fact.Value)
                .Select(fact => $"{fact.Key}: {fact.Value} checked in, {(installed.Facts.TryGetValue(fact.Key, out ulong value) ? value : "nothing")} installed"),
        ];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    private static string SourceFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    private static IEnumerable<Type> Types() => typeof(WHV_REGISTER_NAME).Assembly.GetTypes().Where(static type =>
        type.Namespace == typeof(WHV_REGISTER_NAME).Namespace && type.Name.StartsWith("WHV_", StringComparison.Ordinal));

    private static Type Find(string name) => Types().Single(type => type.Name == name);

    private static void Compare(List<string> wrong, string fact, ulong own)
    {
        if (!s_header.Facts.TryGetValue(fact, out ulong header))
        {
            wrong.Add($"{fact}: {own} here, and the header does not know it");
        }
        else if (header != own)
        {
            wrong.Add($"{fact}: {own} here, {header} in the header");
        }
    }

    /// <summary>A property that is a bit field: written with all ones it sets the header's bits and no others, and reads them alone.</summary>
    private static void CompareBits(List<string> wrong, Type type, PropertyInfo property)
    {
        string name = $"{type.Name}.{property.Name}";
        if (!s_header.Facts.TryGetValue($"firstbit {name}", out ulong first) || !s_header.Facts.TryGetValue($"bits {name}", out ulong count))
        {
            wrong.Add($"{name} is no bit field of the header");
            return;
        }

        uint ones = (uint)((1UL << (int)count) - 1);
        object value = Activator.CreateInstance(type)!;
        property.SetValue(value, ones);
        byte[] bytes = ToBytes(type, value);
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bool isSet = (bytes[bit / 8] & (1 << (bit % 8))) != 0;
            if (isSet != (bit >= (int)first && bit < (int)(first + count)))
            {
                wrong.Add($"{name}: bit {bit} is {(isSet ? "set" : "clear")} here");
            }
        }

        if ((uint)property.GetValue(value)! != ones)
        {
            wrong.Add($"{name} reads {property.GetValue(value)}, and {ones} was written");
        }
    }

    private static ulong SizeOf(Type type) =>
        (ulong)(int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    private static byte[] ToBytes(Type type, object value) =>
        (byte[])typeof(LayoutTests).GetMethod(nameof(CopyBytes), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(type).Invoke(null, [value])!;

    private static byte[] CopyBytes<T>(T value)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
