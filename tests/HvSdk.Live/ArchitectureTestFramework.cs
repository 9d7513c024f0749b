using System.Reflection;
using Xunit.v3;

namespace HvSdk.Live;

/// <summary>xunit's own framework, without the classes that are <see cref="Arm64OnlyAttribute"/> where guests are x86-64.</summary>
/// <remarks>On x86-64 a skip is a failure of CI, and these would be skipped on every machine of ours: there they are not tests at all.</remarks>
public sealed class ArchitectureTestFramework : XunitTestFramework
{
    /// <summary>Whether a class is one of tests for the architecture under test.</summary>
    /// <param name="testClass">The class.</param>
    public static bool IsForArchitecture(Type testClass) =>
        LiveHypervisor.Architecture == GuestArchitecture.Arm64 || testClass.GetCustomAttribute<Arm64OnlyAttribute>() is null;

    /// <inheritdoc/>
    protected override ITestFrameworkDiscoverer CreateDiscoverer(Assembly assembly) => new Discoverer(new XunitTestAssembly(assembly, null, assembly.GetName().Version));

    private sealed class Discoverer(IXunitTestAssembly assembly) : XunitTestFrameworkDiscoverer(assembly)
    {
        protected override bool IsValidTestClass(Type type) => base.IsValidTestClass(type) && IsForArchitecture(type);
    }
}
