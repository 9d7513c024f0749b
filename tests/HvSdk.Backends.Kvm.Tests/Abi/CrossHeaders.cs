using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using HvSdk.Live;

namespace HvSdk.Backends.Kvm.Tests.Abi;

/// <summary>What the headers of the arm64 cross compiler say: facts become constants of an object file, which is read and not run.</summary>
internal static class CrossHeaders
{
    private const string Prefix = "aarch64-linux-gnu-";
    private const int FactSize = 2 * sizeof(ulong);

    private const string Opening = $$"""
        {{CProgram.Headers}}
        struct fact { unsigned long long index, value; };
        const struct fact facts[] __attribute__((section(".facts"), used)) = {

        """;

    /// <summary>Asks the headers for each fact.</summary>
    /// <returns>The header's values; null where it does not know the fact.</returns>
    internal static IReadOnlyList<ulong?> Ask(IReadOnlyList<AbiFact> facts)
    {
        if (!File.Exists("/usr/aarch64-linux-gnu/include/linux/kvm.h"))
        {
            LiveHypervisor.SkipOrFail("gcc", "The kernel headers of arm64 are not installed (Debian: gcc-aarch64-linux-gnu, linux-libc-dev-arm64-cross).");
        }

        string directory = Directory.CreateTempSubdirectory("hvsdk-abi-").FullName;
        try
        {
            string source = Path.Combine(directory, "abi.c");
            string compiled = Path.Combine(directory, "abi.o");
            string bytes = Path.Combine(directory, "abi.bin");
            File.WriteAllText(source, Write(facts));
            CProgram.Run($"{Prefix}gcc", "-Wall", "-Werror", "-c", "-o", compiled, source);
            CProgram.Run($"{Prefix}objcopy", "-O", "binary", "-j", ".facts", compiled, bytes);
            ulong?[] values = new ulong?[facts.Count];
            ReadOnlySpan<byte> rest = File.ReadAllBytes(bytes);
            for (; rest.Length >= FactSize; rest = rest[FactSize..])
            {
                values[(int)BinaryPrimitives.ReadUInt64LittleEndian(rest)] = BinaryPrimitives.ReadUInt64LittleEndian(rest[sizeof(ulong)..]);
            }

            return values;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Write(IReadOnlyList<AbiFact> facts)
    {
        var source = new StringBuilder(Opening);
        for (int i = 0; i < facts.Count; i++)
        {
            string line = string.Create(CultureInfo.InvariantCulture, $"    {{ {i}, {facts[i].Expression} }},\n");
            source.Append(facts[i].Guard is { } guard ? $"#ifdef {guard}\n{line}#endif\n" : line);
        }

        return source.Append("};\n").ToString();
    }
}
