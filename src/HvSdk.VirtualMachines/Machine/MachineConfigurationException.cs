namespace HvSdk.VirtualMachines;

/// <summary>A machine cannot be built as described. Nothing native was made.</summary>
public sealed class MachineConfigurationException : Exception
{
    internal MachineConfigurationException(string machine, IReadOnlyList<string> problems)
        : base($"{machine} cannot be built:{string.Concat(problems.Select(static problem => $"{Environment.NewLine}- {problem}"))}")
    {
        Problems = problems;
    }

    /// <summary>Everything that is wrong, each with its remedy.</summary>
    public IReadOnlyList<string> Problems { get; }
}
