// Runs the differential tester by hand: mode, count, seed, and a part of a mnemonic. See README.md.
using System.Globalization;
using HvSdk.Emulation.Differential;
using Iced.Intel;

if (args.Length == 0)
{
    Console.Error.WriteLine($"Usage: HvSdk.Emulation.X64.Differential MODE [COUNT [SEED [FIRST [INSTRUCTION]]]]{Environment.NewLine}MODE is one of {string.Join(", ", Enum.GetNames<MachineMode>())}.");
    return 2;
}

string instruction = args.ElementAtOrDefault(4) ?? "";
RunOptions options = new()
{
    Mode = Enum.Parse<MachineMode>(args[0]),
    Count = long.Parse(args.ElementAtOrDefault(1) ?? "10000", CultureInfo.InvariantCulture),
    Seed = ulong.Parse(args.ElementAtOrDefault(2) ?? "1", CultureInfo.InvariantCulture),
    First = long.Parse(args.ElementAtOrDefault(3) ?? "0", CultureInfo.InvariantCulture),
    Accepts = code => instruction.Split(',').Any(part => code.ToString().Contains(part, StringComparison.OrdinalIgnoreCase)),
    MaxDivergences = 200,
    IsSystem = args.Contains("--system"),
    IsVectorState = args.Contains("--state"),
};
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

return result.Divergences.Count == 0 ? 0 : 1;
