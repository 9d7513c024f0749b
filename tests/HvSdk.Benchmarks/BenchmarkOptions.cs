namespace HvSdk.Benchmarks;

/// <summary>What the command line says.</summary>
internal sealed class BenchmarkOptions
{
    internal const string Help = """
        Usage: dotnet run -c Release --project tests/HvSdk.Benchmarks -- [OPTION]...

          --quick           fewer and smaller batches: ends within a minute
          --json FILE       write the results to FILE too
          --only NAME,...   these benchmarks alone: exits, managed, bytes, create, doorbell, kick, whp, hvf, arm64, queues, emulator,
                            memory, boot, boot-exits, boot-memory, serial, streams (these five by nested.sh), block (by tests/comparisons/block.sh)
          --native FILE     use this compiled C program instead of compiling native/*.c
          --boot DIR        where boot..., serial, streams and block find guest/, programs/ and tools, QEMU being in /usr/bin; without it they are left out
          --compile FILE    compile the C program to FILE, and do nothing else
        """;

    internal bool Quick { get; private set; }

    internal string? JsonPath { get; private set; }

    internal string? NativePath { get; private set; }

    /// <summary>Where the group boot finds what it boots; null: it cannot run.</summary>
    internal string? BootFolder { get; private set; }

    internal string? CompileTo { get; private set; }

    /// <summary>Set in the process that the memory benchmark starts: how many partitions it makes.</summary>
    internal int IdlePartitions { get; private set; }

    private HashSet<string> Only { get; } = [];

    internal bool Includes(string name) => Only.Count == 0 || Only.Contains(name);

    internal static BenchmarkOptions Parse(string[] arguments)
    {
        var options = new BenchmarkOptions();
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--quick":
                    options.Quick = true;
                    break;
                case "--json":
                    options.JsonPath = Next();
                    break;
                case "--native":
                    options.NativePath = Next();
                    break;
                case "--boot":
                    options.BootFolder = Next();
                    break;
                case "--compile":
                    options.CompileTo = Next();
                    break;
                case "--only":
                    options.Only.UnionWith(Next().Split(','));
                    break;
                case "--idle-partitions":
                    options.IdlePartitions = int.Parse(Next(), System.Globalization.CultureInfo.InvariantCulture);
                    break;
                default:
                    throw new ArgumentException($"{arguments[i]} is no option.\n\n{Help}");
            }

            string Next() => ++i < arguments.Length ? arguments[i] : throw new ArgumentException($"{arguments[i - 1]} needs a value.\n\n{Help}");
        }

        return options;
    }
}
