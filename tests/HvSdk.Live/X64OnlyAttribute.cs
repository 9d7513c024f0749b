using System.Reflection;
using Xunit;
using Xunit.v3;

namespace HvSdk.Live;

/// <summary>Tests of what x86-64 alone has: where guests are AArch64 each is "not possible", for the reason given here.</summary>
/// <param name="why">What AArch64 lacks, or has otherwise: a sentence.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class X64OnlyAttribute(string why) : BeforeAfterTestAttribute
{
    /// <summary>What AArch64 lacks, or has otherwise.</summary>
    public string Why => why;

    /// <inheritdoc/>
    public override void Before(MethodInfo methodUnderTest, IXunitTest test) =>
        Assert.SkipUnless(LiveHypervisor.Architecture == GuestArchitecture.X64, AbsentFeatures.ReasonForArchitecture(LiveHypervisor.Backend.Name, why));
}
