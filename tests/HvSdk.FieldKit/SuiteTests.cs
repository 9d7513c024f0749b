using System.Reflection;
using HvSdk.Live;
using HvSdk.Live.Transcripts;
using Xunit;

namespace HvSdk.FieldKit;

/// <summary>The classes and methods of the conformance suite that lies beside the kit.</summary>
internal sealed class SuiteTests
{
    private readonly Assembly _assembly = Assembly.Load(Behaviour.Suite);

    /// <summary>Whether a class has tests for guests of the hypervisor's architecture.</summary>
    /// <param name="testClass">The class, without its namespace.</param>
    public bool AreForArchitecture(string testClass) => _assembly.GetType($"{Behaviour.Suite}.{testClass}") is not { } type || ArchitectureTestFramework.IsForArchitecture(type);

    /// <summary>The methods of a class that are tests; none where there is no such class.</summary>
    /// <param name="testClass">The class, without its namespace.</param>
    public IReadOnlyList<string> MethodsOf(string testClass) =>
        [.. (_assembly.GetType($"{Behaviour.Suite}.{testClass}")?.GetMethods() ?? [])
            .Where(static method => method.GetCustomAttributes<FactAttribute>().Any())
            .Select(static method => method.Name)
            .Distinct()
            .Order(StringComparer.Ordinal)];
}
