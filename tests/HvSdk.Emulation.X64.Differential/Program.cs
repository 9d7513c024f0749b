// Runs the differential tester by hand: modes, count, seed, and a part of a mnemonic. See README.md.
using System.Globalization;
using HvSdk.Emulation.Differential;
using Iced.Intel;

if (args.Length == 0)
{
    string modes = string.Join(", ", Enum.GetNames<MachineMode>());
    Console.Error.WriteLine($"Usage: HvSdk.Emulation.X64.Differential MODE[,MODE...] [COUNT [SEED [FIRST [INSTRUCTION]]]] [--system | --state] [--unsupported]{Environment.NewLine}MODE is one of {modes}; or all of them: all.");
    return 2;
}

string instruction = args.ElementAtOrDefault(4) ?? "";
RunOptions options = new()
{
    Mode = default,
    Count = long.Parse(args.ElementAtOrDefault(1) ?? "10000", CultureInfo.InvariantCulture),
    Seed = ulong.Parse(args.ElementAtOrDefault(2) ?? "1", CultureInfo.InvariantCulture),
    First = long.Parse(args.ElementAtOrDefault(3) ?? "0", CultureInfo.InvariantCulture),
    Accepts = code => instruction.Split(',').Any(part => code.ToString().Contains(part, StringComparison.OrdinalIgnoreCase)),
    MaxDivergences = 200,
    IsSystem = args.Contains("--system"),
    IsVectorState = args.Contains("--state"),
};
MachineMode[] chosen = args[0] == "all" ? Enum.GetValues<MachineMode>() : [.. args[0].Split(',').Select(Enum.Parse<MachineMode>)];
bool isSame = true;
foreach (MachineMode mode in chosen)
{
    isSame &= Run(options with { Mode = mode });
}

return isSame ? 0 : 1;

bool Run(RunOptions options)
{
    using DifferentialRun run = new(options);
    Dictionary<Code, int> culprits = [];
    RunResult result = run.Run(divergence =>
    {
        // The first two of each instruction tell enough.
        int count = culprits[divergence.Culprit] = culprits.GetValueOrDefault(divergence.Culprit) + 1;
        if (count <= 2)
        {
            Console.WriteLine(divergence);
        }
    });
    foreach ((Code code, int count) in culprits.OrderByDescending(static pair => pair.Value))
    {
        Console.WriteLine($"{count,6} {code}");
    }

    Console.WriteLine(result);
    if (args.Contains("--unsupported"))
    {
        Console.WriteLine(string.Join(' ', result.Unsupported));
    }

    return result.Divergences.Count == 0;
}
